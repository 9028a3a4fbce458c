/** Setup of the test run in which every chip compiles all code that it jumps to. */
import { executionDefault } from '../../host/emulator/cpu/cpu.ts';

executionDefault.mode = 'compiled';
