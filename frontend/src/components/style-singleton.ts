/**
 * Stands in for `react-style-singleton`, which the dialogs lock scrolling with: it would put a
 * `<style>` into the page, which the content security policy forbids. Sheets that are made in
 * script are not markup, and are allowed.
 */

import { useEffect } from "react";

export function stylesheetSingleton() {
  let uses = 0;
  const sheet = new CSSStyleSheet();
  const others = () => document.adoptedStyleSheets.filter((one) => one !== sheet);
  return {
    add(css: string) {
      if (uses === 0) {
        sheet.replaceSync(css);
        document.adoptedStyleSheets = [...others(), sheet];
      }
      uses += 1;
    },
    remove() {
      uses -= 1;
      if (uses === 0) document.adoptedStyleSheets = others();
    },
  };
}

export function styleHookSingleton() {
  const sheet = stylesheetSingleton();
  return (styles: string, dynamic?: boolean) => {
    // Styles are fixed when they are first shown, unless they are said to change.
    // biome-ignore lint/correctness/useExhaustiveDependencies: the library's own rule
    useEffect(() => {
      sheet.add(styles);
      return () => sheet.remove();
    }, [dynamic && styles]);
  };
}

export function styleSingleton() {
  const useStyle = styleHookSingleton();
  // biome-ignore lint/correctness/noComponentHookFactories: the library makes each one once
  return function Sheet({ styles, dynamic }: { styles: string; dynamic?: boolean }) {
    useStyle(styles, dynamic);
    return null;
  };
}
