/** Terminal colours (SGR sequences) as spans of text; everything else that a terminal obeys is dropped. */

export interface Span {
  text: string;
  /** 0 to 7, the eight colours that every terminal names; null: the text's own colour. */
  colour: number | null;
  bold: boolean;
  dim: boolean;
}

interface Style {
  colour: number | null;
  bold: boolean;
  dim: boolean;
}

const PLAIN: Style = { colour: null, bold: false, dim: false };
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
const ESCAPE = /\u001b(?:\[([0-9;:]*)([A-Za-z])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is dropped
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

function apply(style: Style, codes: number[]): Style {
  let next = style;
  for (let n = 0; n < codes.length; n++) {
    const code = codes[n] ?? 0;
    if (code === 0) next = PLAIN;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 39) next = { ...next, colour: null };
    else if (code >= 30 && code <= 37) next = { ...next, colour: code - 30 };
    else if (code >= 90 && code <= 97) next = { ...next, colour: code - 90 };
    // An extended colour brings its own numbers, which must not be read as codes.
    else if (code === 38 || code === 48) n += codes[n + 1] === 5 ? 2 : 4;
  }
  return next;
}

export function spans(line: string): Span[] {
  const found: Span[] = [];
  let style = PLAIN;
  let from = 0;
  const take = (to: number) => {
    const text = line.slice(from, to).replace(CONTROL, "");
    if (text) found.push({ text, ...style });
  };
  for (const match of line.matchAll(ESCAPE)) {
    take(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") style = apply(style, (match[1] ?? "").split(/[;:]/).map(Number));
  }
  take(line.length);
  return found;
}

export function plain(line: string): string {
  return line.replace(ESCAPE, "").replace(CONTROL, "");
}
