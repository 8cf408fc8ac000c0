const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/**
 * Reads JSON and keeps numbers that JavaScript would change as they stand: an argument of a system call has 64 bits, and
 * one more in a mask is another rule.
 * @throws SyntaxError
 */
export function parseExactly(text: string): unknown {
  return /\d{16}|\d[.eE]|-0/.test(text) ? JSON.parse(text, keep) : JSON.parse(text);
}

function keep(_name: string, value: unknown, { source }: { source?: string } = {}): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value;
}
