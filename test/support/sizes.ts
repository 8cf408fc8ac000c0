/**
 * How much of a thing is tested: in `make test` as much as fits into its minutes, in `make test-all` as much as the docs
 * claim, in `make soak` as much as finds what is rare. `SYSCRIBE_TEST_PODS=500` sets one of them.
 */
const SIZES = {
  /** Pods recorded in a row. */
  PODS: [40, 200, 2000],
  /** Recordings applied in one file with their pods. */
  APPLIES: [15, 40, 500],
  /** Profiles installed at once. */
  PROFILES: [100, 500, 500],
  /** Rounds of random kills, ten each. */
  KILL_ROUNDS: [2, 5, 20],
  /** Slots of a loader that is killed at each call it makes: what is done for each slot is killed at each. */
  LOADER_SLOTS: [8, 1024, 1024],
  /** Seconds without an API server. */
  OUTAGE: [25, 120, 600],
  /** Recordings and traces of each program that are compared. */
  ACCURACY_RUNS: [3, 10, 50],
  /** Recordings of each program by the audit log and by eBPF that are compared. */
  AUDIT_RUNS: [2, 3, 10],
  /** Processes of the program that makes many. */
  SHORT_LIVED: [1000, 5000, 5000],
  /** Containers under processor load that must give the same set. */
  CONTAINERS: [60, 200, 200],
  /** Hundredths of the runs that a property is tried for by itself. */
  PROPERTIES: [10, 100, 1000],
} as const satisfies Readonly<Record<string, readonly [test: number, all: number, soak: number]>>;

/** Whether this is `make test-all`, or more. */
export function testsAll(): boolean {
  return (process.env.SYSCRIBE_TEST_SIZE ?? 'test') !== 'test';
}

const PLACE: Readonly<Record<string, 0 | 1 | 2>> = { test: 0, all: 1, soak: 2 };

/** @throws Error where the environment names no number. */
export function size(name: keyof typeof SIZES): number {
  const given = process.env[`SYSCRIBE_TEST_${name}`];
  if (given !== undefined) {
    if (!/^[1-9]\d*$/.test(given)) throw new Error(`SYSCRIBE_TEST_${name}=${given} is no number above 0`);
    return Number(given);
  }
  return SIZES[name][PLACE[process.env.SYSCRIBE_TEST_SIZE ?? 'test'] ?? 0];
}

/** How often a property is tried that is tried `runs` times in `make test-all`. */
export function runsOf(runs: number): { numRuns: number } {
  return { numRuns: Math.max(20, Math.round((runs * size('PROPERTIES')) / 100)) };
}

/** `SYSCRIBE_TEST_SEED=N` repeats a run; each test that draws numbers prints its seed. @throws Error where it is no number. */
export function seed(): number {
  const given = process.env.SYSCRIBE_TEST_SEED;
  if (given === undefined) return Math.floor(Math.random() * 2 ** 31);
  if (!/^\d+$/.test(given)) throw new Error(`SYSCRIBE_TEST_SEED=${given} is no number`);
  return Number(given);
}
