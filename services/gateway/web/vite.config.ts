import { defineConfig } from "vite";

// The oldest browser that offices still run is Chrome 109, the last one for Windows 7 and 8.1.
export default defineConfig({
  base: "/",
  build: {
    target: "chrome109",
    cssTarget: "chrome109",
    assetsInlineLimit: 0, // the content security policy allows files of our own only
    chunkSizeWarningLimit: 1200,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
  server: { proxy: { "/v1": "http://127.0.0.1:8080", "/openapi.json": "http://127.0.0.1:8080" } },
});
