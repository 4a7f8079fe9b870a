import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const backend = process.env.VLLM_MANAGER_URL ?? "http://127.0.0.1:8800";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../src/vllm_manager/api/static",
    emptyOutDir: true,
    manifest: true,
    // The content security policy forbids data: addresses for scripts and fonts.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/api": backend, "/v1": backend } },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    setupFiles: ["src/test/setup.ts"],
    environmentOptions: { happyDOM: { url: "http://127.0.0.1:8800" } },
  },
});
