/** A sentence of the server's, with its `names` set as code. */

export function Prose({ text }: { text: string }) {
  return text.split(/(`[^`]+`)/).map((part, n) =>
    part.length > 2 && part.startsWith("`") && part.endsWith("`") ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of an unchanging sentence
      <code key={n} className="font-mono text-[0.92em]">
        {part.slice(1, -1)}
      </code>
    ) : (
      part
    ),
  );
}
