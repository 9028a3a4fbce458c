/* Version of the firmware as hello reports it; the toolkit's version at the time of its release. */
#ifndef LINK_VERSION_H
#define LINK_VERSION_H

#define FIRMWARE_VERSION_MAJOR 0u
#define FIRMWARE_VERSION_MINOR 1u
#define FIRMWARE_VERSION_PATCH 0u

#endif
