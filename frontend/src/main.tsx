/** Starts the interface. */

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./styles.css";
import "@/api/client";
import { watchErrors } from "@/api/client-errors";
import { queryClient, router } from "@/routes/router";

watchErrors();

// After an upgrade the page may ask for a chunk that is gone: load the new page, once.
window.addEventListener("vite:preloadError", (event) => {
  if (sessionStorage.getItem("reloaded-for-upgrade")) return;
  sessionStorage.setItem("reloaded-for-upgrade", "1");
  event.preventDefault();
  window.location.reload();
});
window.addEventListener("load", () => {
  setTimeout(() => sessionStorage.removeItem("reloaded-for-upgrade"), 10_000);
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
