import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const backend = process.env.VLLM_MANAGER_URL ?? "http://127.0.0.1:8800";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * The content security policy forbids `<style>` elements. Sonner puts its styles into one when it
 * is imported; they are imported as a file instead (`shell.tsx`).
 */
const sonnerWithoutStyle: Plugin = {
  name: "sonner-without-style",
  apply: "build",
  transform(code, id) {
    if (!id.includes("/sonner/dist/index.mjs")) return null;
    const without = code.replace(/^__insertCSS\(".*"\);?$/gm, "");
    if (without === code) throw new Error("sonner adds its styles in another way now");
    return { code: without, map: null };
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), sonnerWithoutStyle],
  resolve: {
    alias: {
      "@": source("./src"),
      "react-style-singleton": source("./src/components/style-singleton.ts"),
    },
  },
  build: {
    outDir: "../src/vllm_manager/api/static",
    emptyOutDir: true,
    manifest: true,
    // The content security policy forbids data: addresses for scripts and fonts.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/api": backend, "/v1": backend } },
  // A page takes a second to come up: what needs none does without.
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: "parts",
          include: ["src/**/*.test.ts"],
          exclude: ["src/**/*.dom.test.ts"],
          environment: "node",
        },
      },
      {
        extends: true,
        test: {
          name: "pages",
          include: ["src/**/*.test.tsx", "src/**/*.dom.test.ts"],
          environment: "happy-dom",
          environmentOptions: { happyDOM: { url: "http://127.0.0.1:8800" } },
          setupFiles: ["src/test/setup.ts"],
        },
      },
    ],
  },
});
