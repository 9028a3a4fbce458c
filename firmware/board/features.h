/*
 * Which parts of the firmware an image has. All of them, unless the build takes some away: `make FEATURES=` builds the
 * images as they were before these, whose sizes `make size` keeps to their old budgets (docs/adr/0007).
 */
#ifndef EARL_BOARD_FEATURES_H
#define EARL_BOARD_FEATURES_H

/* A key beside the id, and the command `authenticate`. Without it, a record with a key is none. */
#ifndef FEATURE_AUTHENTICATION
#define FEATURE_AUTHENTICATION 1
#endif

/* The state pin of a radio module on the UART, and the module's set-up. Without it the UART is a wire. */
#ifndef FEATURE_BRIDGE
#define FEATURE_BRIDGE 1
#endif

#endif
