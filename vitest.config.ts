import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{errors,host,cloud,tools,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'dist/**'],
    testTimeout: 20_000,
  },
});
