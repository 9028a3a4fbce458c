import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    testTimeout: 20_000,
    globalSetup: ['test/state-folder.ts', 'test/execution/native.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'earl',
          include: ['{errors,firmware,host,cloud,tools,test}/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
        },
      },
      {
        // What runs on the emulator once more, with all code compiled.
        extends: true,
        test: {
          name: 'compiled',
          include: ['host/emulator/**/*.test.ts', 'test/interop/**/*.test.ts'],
          // Once is enough for what steps instruction by instruction, always interpreted, and for the radio, which has no CPU.
          exclude: ['test/interop/{mspdebug-cpu,noble-bleno,btsnoop}.test.ts'],
          setupFiles: ['test/execution/compiled.ts'],
        },
      },
    ],
  },
});
