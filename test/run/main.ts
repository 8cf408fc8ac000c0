/** `make check`, `make test`, `make test-all`, `make soak`: main.ts PLAN [STAGE...]. Ends with `N passed, N failed, N skipped`. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runStages } from './lanes.ts';
import { endLeftovers } from './leftovers.ts';
import { PLANS, type PlanName, planOf, RUN_LIMITS } from './plan.ts';
import { closing, type FileTime, problems, table } from './report.ts';
import type { Outcome, Stage } from './stage.ts';

const DIRECTORY = '.output/test';

const [plan = 'test', ...only] = process.argv.slice(2);
if (!PLANS.includes(plan as PlanName)) usage(`there is no plan ${plan}`);
const all = planOf(plan as PlanName, globSync('test/system/**/*.test.ts').sort());
for (const name of only) if (!all.some((stage) => stage.name === name)) usage(`${plan} has no stage ${name}`);

rmSync(DIRECTORY, { recursive: true, force: true });
// One that somebody else has started is not this run's to end.
const CLUSTER = '/var/lib/syscribe-cluster';
const othersCluster = existsSync(CLUSTER);
const archives = mkdtempSync(join(tmpdir(), 'syscribe-archives-'));
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort());
const limit = RUN_LIMITS[plan as PlanName];
if (limit !== undefined)
  setTimeout(() => {
    console.log(`FAILED: the run takes more than ${limit / 60} minutes, and is stopped`);
    stop.abort();
  }, limit * 1000).unref();
const outcomes = await runStages(chosen(all, only), {
  directory: DIRECTORY,
  env: {
    ...process.env,
    SYSCRIBE_TEST_ARCHIVES: archives,
    SYSCRIBE_TEST_LOGS: join(process.cwd(), DIRECTORY, 'clusters'),
  },
  expected: JSON.parse(readFileSync('test/run/counts.json', 'utf8'))[plan] ?? {},
  strict: process.env.CI !== undefined,
  print: (line) => console.log(line),
  signal: stop.signal,
});
rmSync(archives, { recursive: true, force: true });
// Tests that were ended had no time to take their cluster away.
if (stop.signal.aborted && !othersCluster && existsSync(CLUSTER))
  spawnSync(process.execPath, ['test/system/cluster/main.ts', 'down'], { stdio: 'inherit' });
if (stop.signal.aborted) endLeftovers(`SYSCRIBE_TEST_ARCHIVES=${archives}`);

for (const outcome of outcomes.filter(({ counts, took }) => counts.failed > 0 && took > 0))
  console.log(failuresOf(outcome));
console.log(`\n${table(outcomes, times(), performance.now() / 1000)}\n`);
for (const problem of problems(outcomes)) console.log(`FAILED: ${problem}`);
const { counts, line } = closing(outcomes);
if (counts.failed > 0)
  console.log(`logs: ${DIRECTORY}${existsSync(`${DIRECTORY}/clusters`) ? `, of clusters ${DIRECTORY}/clusters` : ''}`);
console.log(line);
process.exitCode = counts.failed === 0 && problems(outcomes).length === 0 ? 0 : 1;

/** The stages of these names, and what they need. */
function chosen(stages: readonly Stage[], names: readonly string[]): readonly Stage[] {
  if (names.length === 0) return stages;
  const wanted = new Set(names);
  for (const { name, needs } of stages.toReversed()) if (wanted.has(name)) for (const need of needs) wanted.add(need);
  return stages.filter(({ name }) => wanted.has(name));
}

/** What a stage printed of its failures, once more, where it is looked for. */
function failuresOf({ stage }: Outcome): string {
  const log = `${DIRECTORY}/${stage.name}.log`;
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  const from = text.search(/^FAILED: /m);
  const lines = (from < 0 ? text.split('\n').slice(-30).join('\n') : text.slice(from)).trimEnd();
  return `\n-- ${stage.name}\n${lines}`;
}

function times(): FileTime[] {
  const files = existsSync(DIRECTORY) ? readdirSync(DIRECTORY).filter((name) => name.endsWith('.times')) : [];
  return files.flatMap((name) =>
    Object.entries(JSON.parse(readFileSync(join(DIRECTORY, name), 'utf8')) as Record<string, number>).map(
      ([file, milliseconds]) => ({ stage: name.replace('.times', ''), file, milliseconds }),
    ),
  );
}

function usage(problem: string): never {
  console.error(`${problem}\nusage: main.ts ${PLANS.join('|')} [STAGE...]`);
  process.exit(2);
}
