import { defineConfig } from "vitest/config";

const include = ["src/**/*.test.ts", "test/**/*.test.ts"];
const testTimeout = 10_000;

// Scenarios run in each codec; `test/codec.ts` reads which.
export default defineConfig({
  test: {
    projects: [
      { test: { name: "json", include, testTimeout, env: { TRUNKLINE_TEST_CODEC: "json" } } },
      {
        test: {
          name: "msgpack",
          include: ["test/**/*.test.ts"],
          exclude: ["test/readme.test.ts"],
          testTimeout,
          env: { TRUNKLINE_TEST_CODEC: "msgpack" },
        },
      },
    ],
  },
});
