import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

interface Detail {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly duration_ms?: number;
  readonly details?: {
    readonly duration_ms?: number;
    readonly type?: string;
    readonly error?: Error & { cause?: unknown };
  };
  readonly message?: string;
}

const RUNNER_SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

/**
 * One line a test, the whole error of each that failed, and the closing line `N passed, N failed, N skipped` that CI
 * counts. Milliseconds by file go to the file that SYSCRIBE_TEST_TIMES names.
 */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let skipped = 0;
  const failures: Detail[] = [];
  const tests = new Map<string, number>();
  const files = new Map<string, number>();
  for await (const event of source) {
    const data = (event as { data: Detail }).data;
    if (event.type === 'test:diagnostic' && !RUNNER_SUMMARY.test(data.message ?? '')) yield `        ${data.message}\n`;
    if (event.type === 'test:stdout' || event.type === 'test:stderr') yield String(data.message);
    // Of a file that has a process of its own: with its start, its clusters and its end.
    if (event.type === 'test:summary' && data.file !== undefined) files.set(data.file, data.duration_ms ?? 0);
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    if (data.nesting === 0 && data.file !== undefined)
      tests.set(data.file, (tests.get(data.file) ?? 0) + (data.details?.duration_ms ?? 0));
    if (data.details?.type === 'suite') continue;
    const time = `${Math.round(data.details?.duration_ms ?? 0)} ms`;
    if (event.type === 'test:fail') {
      failures.push(data);
      // At once, and again at the end: a run may be ended before that.
      yield `FAIL    ${data.name} (${time})\n${errorOf(data)}\n`;
    } else if (data.skip) {
      skipped += 1;
      yield `SKIP    ${data.name}: ${data.skip === true ? 'no reason given' : data.skip}\n`;
    } else {
      passed += 1;
      yield `ok      ${data.name} (${time})\n`;
    }
  }
  for (const failure of failures) {
    yield `\nFAILED: ${failure.name}${failure.file ? ` (${failure.file})` : ''}\n${errorOf(failure)}\n`;
  }
  writeTimes(new Map([...tests, ...files]));
  yield `\n${passed} passed, ${failures.length} failed, ${skipped} skipped\n`;
}

function errorOf({ details }: Detail): string {
  return inspect(details?.error?.cause ?? details?.error, { depth: 4 });
}

function writeTimes(files: ReadonlyMap<string, number>): void {
  const target = process.env.SYSCRIBE_TEST_TIMES;
  if (target === undefined) return;
  const named = [...files].map(([file, time]) => [relative(process.cwd(), file), time] as const);
  writeFileSync(target, JSON.stringify(Object.fromEntries(named)));
}
