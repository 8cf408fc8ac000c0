import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Colours for standard output: only on a terminal, and not where NO_COLOR is set (no-color.org). */
export function painter(): Paint {
  const wanted = process.stdout.isTTY === true && !process.env.NO_COLOR;
  return (style, text) => (wanted ? styleText(style, text, { validateStream: false }) : text);
}

/** Text from a profile or a process's name, harmless to a terminal. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

const WIDTH = 100;

/** Words side by side in indented lines. */
export function fill(words: readonly string[], indent = '  '): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    if (line !== indent && line.length + word.length >= WIDTH) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join('\n');
}

// TypeScript's library does not have it yet; Node has since version 22.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** Indented JSON; bigints as the numbers they are. */
export function toJson(value: unknown): string {
  const exact = (_key: string, field: unknown) => (typeof field === 'bigint' ? rawJSON(`${field}`) : field);
  return `${JSON.stringify(value, exact, 2)}\n`;
}
