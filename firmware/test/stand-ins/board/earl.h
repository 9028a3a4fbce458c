/* The board for tests on a host: the real pin map, with information segment D in an array of the test's. */
#ifndef STAND_IN_BOARD_EARL_H
#define STAND_IN_BOARD_EARL_H

#include "../../../board/earl.h"

#undef BOARD_IDENTITY
extern _Alignas(2) uint8_t stand_in_identity[28];
#define BOARD_IDENTITY ((const uint8_t *)stand_in_identity)

#endif
