/** What this machine's keyboard calls its main modifier. */

const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function keyWords(keys: string): string {
  return isApple ? keys.replace("mod ", "⌘") : keys.replace("mod", "Ctrl");
}
