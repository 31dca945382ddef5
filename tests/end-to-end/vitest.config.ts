import { defineConfig } from "vitest/config";

// One file at a time: the files measure how fast things happen, so they must not share the machine.
export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["support/setup.ts"],
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
