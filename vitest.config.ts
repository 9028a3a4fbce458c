import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    testTimeout: 20_000,
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
          // Steps instruction by instruction, which is always interpreted: once is enough.
          exclude: ['test/interop/mspdebug-cpu.test.ts'],
          setupFiles: ['test/execution/compiled.ts'],
        },
      },
    ],
  },
});
