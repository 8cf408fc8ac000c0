/** One step of a run: a set-up, or tests. Pure data; {@link runStages} runs it. */
export interface Stage {
  readonly name: string;
  /** Stages of a lane run one after the other, lanes side by side. */
  readonly lane: Lane;
  /** Stages that must have succeeded before. */
  readonly needs: readonly string[];
  /** Stages that must have ended before, well or not: side by side one would disturb the other. */
  readonly after?: readonly string[];
  readonly command: readonly [file: string, ...args: string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds after which a stage that hangs is ended; none comes near it. */
  readonly limit: number;
  /** Set-up runs no tests; `checks` end without a closing line and count as one test. */
  readonly kind: 'setup' | 'check' | 'tests';
  /** Whether the run stops where it fails: the rest would take minutes to say nothing new. */
  readonly decisive?: boolean;
}

/**
 * `setup` and `builds` prepare; `compute` keeps processors busy, `wait` mostly waits for clusters, `api` for API servers
 * without nodes, once lint and unit tests have run there.
 */
export type Lane = 'setup' | 'builds' | 'compute' | 'wait' | 'api';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** How a stage ended. */
export interface Outcome {
  readonly stage: Stage;
  readonly counts: Counts;
  /** Seconds after the run's beginning. */
  readonly began: number;
  /** Seconds. */
  readonly took: number;
  /** Why it failed, apart from tests that did. */
  readonly problem?: string;
}

const CLOSING = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/;

/** What the closing line `N passed, N failed, N skipped` of a stage's output says, if the line is one. */
export function closingLine(line: string): Counts | undefined {
  const [, passed, failed, skipped = '0'] = CLOSING.exec(line) ?? [];
  if (passed === undefined || failed === undefined) return undefined;
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}

export interface Ended {
  /** Null: a signal ended it. */
  readonly code: number | null;
  readonly timedOut: boolean;
  /** Since the run was. */
  readonly stopped: boolean;
  /** Of its last closing line. */
  readonly counts: Counts | undefined;
}

/**
 * What a stage's end counts as.
 * @param expected how many tests it must have run; undefined: nobody says.
 * @param strict whether a skipped test is a failure: in CI nothing is skipped.
 */
export function judge(
  { name, kind, limit }: Stage,
  { code, timedOut, stopped, counts }: Ended,
  expected: number | undefined,
  strict: boolean,
): { counts: Counts; problem?: string } {
  const failedOnce = { passed: 0, failed: 1, skipped: 0 };
  if (stopped) return { counts: addUp([counts, failedOnce]), problem: `${name} was stopped` };
  if (timedOut) return { counts: addUp([counts, failedOnce]), problem: `${name} took more than ${limit} s` };
  if (kind !== 'tests') {
    if (code !== 0) return { counts: failedOnce, problem: `${name} failed` };
    return { counts: { passed: kind === 'check' ? 1 : 0, failed: 0, skipped: 0 } };
  }
  if (!counts) return { counts: failedOnce, problem: `${name} ended without its closing line` };
  const ran = counts.passed + counts.failed + counts.skipped;
  if (expected !== undefined && ran !== expected)
    return {
      counts: addUp([counts, failedOnce]),
      problem: `${name} ran ${ran} tests, not ${expected}: put the right number into test/run/counts.json`,
    };
  if (strict && counts.skipped > 0)
    return { counts: addUp([counts, failedOnce]), problem: `${name} skipped ${counts.skipped} tests` };
  if (code !== 0 && counts.failed === 0)
    return { counts: addUp([counts, failedOnce]), problem: `${name} failed, though none of its tests did` };
  return { counts };
}

export function addUp(all: readonly (Counts | undefined)[]): Counts {
  const sum = (of: keyof Counts) => all.reduce((total, counts) => total + (counts?.[of] ?? 0), 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}
