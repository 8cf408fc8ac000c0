/** `make bench`, as root: measures what recording costs, prints it and writes docs/benchmarks.md. */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { logTable, measureLog, measureSources, sourceTable } from './audit.ts';
import { makeBuild, measureCommand } from './commands.ts';
import { Kernel } from './conditions.ts';
import { measureKubernetes } from './kubernetes.ts';
import { measureLoop } from './loops.ts';
import { Programs } from './programs.ts';
import { addedRatio, commandTable, loopTable, recordedRatio, targetTable, withInterval } from './report.ts';
import { estimateMedian, median } from './stats.ts';

const ROUNDS = { calls: 41, spawns: 41, build: 15, startup: 25, log: 7, sources: 5 };
const STRACE_ROUNDS = 3;
/** Files of two builds: what a start costs weighs less in the longer one. */
const FILES = { short: 40, long: 160 };
/** Of each loop: chunks per sample and operations per chunk. */
const CALLS = [100, 3000] as const;
const SPAWNS = [200, 1] as const;
const PAGE = new URL('../../docs/benchmarks.md', import.meta.url);

if (process.getuid?.() !== 0) {
  process.stderr.write('the bench attaches BPF programs: run it as root\n');
  process.exit(1);
}
const begun = Date.now();
const loads = [load()];
using programs = new Programs();
await using kernel = new Kernel(programs);

progress('system calls');
const calls = await measureLoop(kernel, [programs.path('getppid'), ...CALLS.map(String)], ROUNDS.calls);
loads.push(load());
progress('fork and exec');
const spawnLoop = [programs.path('spawn'), ...SPAWNS.map(String), programs.path('nothing')] as const;
const spawns = await measureLoop(kernel, spawnLoop, ROUNDS.spawns);
loads.push(load());
progress('start-up');
// Asked for around this short part alone: other recorders on the machine may come and stay.
const before = new Set(await kernel.programs());
const startup = await measureCommand(kernel, programs, ['true'], ROUNDS.startup);
const left = await programsLeft();
loads.push(load());
progress('a build');
const build = await measureCommand(kernel, programs, makeBuild(programs, FILES.short), ROUNDS.build, STRACE_ROUNDS);
loads.push(load());
progress('a longer build');
const longBuild = await measureCommand(kernel, programs, makeBuild(programs, FILES.long), ROUNDS.build);
loads.push(load());
progress('reading an audit log');
const log = await measureLog(programs, ROUNDS.log);
loads.push(load());
progress('recording from the audit log');
const sources = await measureSources(ROUNDS.sources);
loads.push(load());

progress('Kubernetes');
const kubernetes = await measureKubernetes();
loads.push(load());

const peak = (rounds: typeof build) => median(rounds.map(({ recorded }) => recorded.peakMebibytes)).toFixed(0);
const body = `## Targets

A tracer of system calls cannot cost less than an empty program on the same tracepoint, so costs per call are given as
multiples of what that adds.

${targetTable([
  { what: 'added to a call of a recorded process', ratio: addedRatio(calls, 'recorded'), target: 1.5 },
  { what: 'added to a call of an unrelated process', ratio: addedRatio(calls, 'unrelated'), target: 1.4 },
  {
    what: 'added to a call of a host process while a cgroup is recorded',
    ratio: addedRatio(calls, 'host'),
    target: 1.2,
  },
  {
    what: `wall time of a build of ${FILES.long} files, start-up included`,
    ratio: recordedRatio(longBuild),
    target: 1.1,
  },
])}

## One system call

${loopTable(calls, 1, 1)}

## One vfork + exec + exit + wait

${loopTable(spawns, 1000, 1)}

## A build

Small C files, \`gcc -O0 -c\` one after the other; syscribe's start-up and the writing of the profile are included, and
are most of what is added: it is the same, by and by less of the whole, however long the build. With ${FILES.short} files:

${commandTable(build)}

With ${FILES.long} files:

${commandTable(longBuild)}

## Start-up and memory

\`true\`, and \`syscribe record -- true\`:

${commandTable(startup)}

Peak resident memory: ${peak(startup)} MiB recording \`true\`, ${peak(longBuild)} MiB recording the longer build.

Programs left in the kernel after these: ${left}.

## The audit log

A generated log of 2 million lines: records of a real auditd again and again, of which 60 in 100 events are seccomp's, 15
SELinux's, 15 AppArmor's and 10 others. ${ROUNDS.log} rounds. Targets: 600 lines/ms parse, 200 the whole way, peak below 150 MB (143 MiB).

${logTable(log)}

From the start of \`syscribe audit --file … --from-start\` to its first line: ${withInterval(
  estimateMedian(log, ({ firstLine }) => firstLine),
  0,
)} ms (target: 300).

Recording busy programs, start-up and the writing of the profile included, ${ROUNDS.sources} rounds. From the log every call is logged:

${sourceTable(sources)}

${kubernetes}`;

process.stdout.write(`\n${body}`);
writeFileSync(PAGE, `${introduction()}\n${body}`);
progress(`done in ${((Date.now() - begun) / 1000).toFixed(0)} s, docs/benchmarks.md written`);

function introduction(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return `# Benchmarks

Written by \`make bench\` on ${new Date().toISOString().slice(0, 10)}: Linux ${release()}, ${cpus().length} × ${model} (${process.arch}).
Load average before and after each part: ${loads.join(', ')}. Samples taken again since another tracer was attached
to the machine: ${kernel.disturbed}.

How it is measured:

- Conditions are interleaved: every round takes one sample of each, in an order shuffled anew, attaching and detaching
  in between. Nothing but the condition differs within a round.
- A figure is the median over the rounds, with a 95% confidence interval in brackets: a percentile bootstrap that draws
  whole rounds. Added costs and ratios of times are taken within each round; a ratio of added costs is that of their
  medians, since a single round's may be near nought.
- A sample of the loops is the median of ${CALLS[0]} chunks of ${CALLS[1]} getppid(2) calls (${ROUNDS.calls} rounds), or of ${SPAWNS[0]} single vfork + exec
  of a static program (${ROUNDS.spawns} rounds), after a warm-up, pinned to one CPU, timed by CLOCK_MONOTONIC_RAW, in a new process.
- Commands are timed from fork to wait, ${ROUNDS.build} rounds of each build and ${ROUNDS.startup} of the start-up.
`;
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

/** How many of the programs that are there now stay: the kernel frees them a moment after their last user is gone. */
async function programsLeft(): Promise<number> {
  let left = (await kernel.programs()).filter((id) => !before.has(id));
  for (const end = Date.now() + 5000; left.length > 0 && Date.now() < end; await setTimeout(100)) {
    const now = new Set(await kernel.programs());
    left = left.filter((id) => now.has(id));
  }
  return left.length;
}
