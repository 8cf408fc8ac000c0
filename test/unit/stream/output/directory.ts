import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A directory of the test's own, gone after it. */
export function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'syscribe-output-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The lines of all files whose name begins so, the rotated ones first; a line without its end would be joined or cut. */
export function linesOf(path: string, prefix: string): string[] {
  const names = readdirSync(path).filter((name) => name.startsWith(prefix));
  const order = names.toSorted(
    (a, b) => Number(a === `${prefix}.log`) - Number(b === `${prefix}.log`) || (a < b ? -1 : 1),
  );
  return order.flatMap((name) => {
    const text = readFileSync(join(path, name), 'utf8');
    if (text !== '' && !text.endsWith('\n')) throw new Error(`${name} ends within a line`);
    return text.split('\n').slice(0, -1);
  });
}
