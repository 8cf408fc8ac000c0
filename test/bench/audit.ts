/** The audit log: how fast it is read, and what recording from it costs. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { loadProto, serviceOf } from '../../src/platform/grpc.ts';
import { execute, userEnvironment } from '../system/accuracy/execute.ts';
import { WORKLOADS, type Workload } from '../system/accuracy/workloads.ts';
import { SYSCRIBE } from '../system/support/syscribe.ts';
import { CONTAINERS, writeLog } from './audit-log.ts';
import { type Run, run } from './commands.ts';
import type { Programs } from './programs.ts';
import { table, withInterval } from './report.ts';
import { estimateMedian, randomNumbers, shuffled } from './stats.ts';

const LINES = 2_000_000;
const TOP = fileURLToPath(new URL('../..', import.meta.url));
const CRI = new URL('../../src/container/cri/cri.proto', import.meta.url);
/** As bin/syscribe starts Node. */
const FLAGS = ['--max-semi-space-size=4', '--heap-growing-percent=40'];
/** Those that make so many calls that logging each is felt, and a short one. */
const BUSY = ['nginx under load', 'redis-server under redis-benchmark', 'postgres: initdb and pgbench', 'file tools'];

interface Passed {
  readonly lines: number;
  readonly events: number;
  readonly named: number;
  readonly milliseconds: number;
  readonly cpu: number;
  readonly peakMebibytes: number;
}

export interface LogRound {
  readonly parse: Passed;
  readonly stream: Passed;
  readonly command: Run;
  /** Milliseconds from the start of the command to its first line. */
  readonly firstLine: number;
}

export interface SourceRound {
  readonly bare: number;
  readonly ebpf: number;
  readonly audit: number;
}

/** Reads a generated log in every way, `rounds` times. */
export async function measureLog(programs: Programs, rounds: number): Promise<LogRound[]> {
  const worker = compileWorker(programs.path('worker'));
  const log = programs.path('audit.log');
  writeLog(log, LINES);
  const runtime = await serveContainers(`unix://${programs.path('cri.sock')}`);
  const random = randomNumbers(rounds);
  const result: LogRound[] = [];
  for (let round = 0; round < rounds; round++) {
    const done: { -readonly [K in keyof LogRound]?: LogRound[K] } = {};
    for (const way of shuffled(['parse', 'stream', 'command', 'firstLine'] as const, random)) {
      if (way === 'command') done.command = run(programs, [SYSCRIBE, 'audit', '--file', log, '--once']);
      else if (way === 'firstLine') done.firstLine = await timeToFirstLine(log);
      else done[way] = await pass(worker, way, log, runtime.endpoint);
    }
    result.push(done as LogRound);
  }
  runtime.server.forceShutdown();
  return result;
}

/** Records busy programs from either source. */
export async function measureSources(rounds: number): Promise<Map<string, SourceRound[]>> {
  const random = randomNumbers(rounds);
  const result = new Map<string, SourceRound[]>();
  for (const name of BUSY) {
    const workload = WORKLOADS.find((candidate) => candidate.name === name);
    if (!workload) throw new Error(`there is no workload called ${name}`);
    const all: SourceRound[] = [];
    for (let round = 0; round < rounds; round++) {
      const done: { -readonly [K in keyof SourceRound]?: number } = {};
      for (const way of shuffled(['bare', 'ebpf', 'audit'] as const, random)) {
        const record = [SYSCRIBE, 'record', '--source', way, '-o', '/dev/null', '--'];
        const begun = performance.now();
        await execute(workload, () => (way === 'bare' ? asUser(workload) : record), userEnvironment(workload));
        done[way] = performance.now() - begun;
      }
      all.push(done as SourceRound);
    }
    result.set(name, all);
  }
  return result;
}

export function logTable(rounds: readonly LogRound[]): string {
  const rows = (['parse', 'stream'] as const).map((way) => [
    way === 'parse' ? 'parse alone' : `file to enriched JSON, ${CONTAINERS} containers`,
    withInterval(
      estimateMedian(rounds, (round) => round[way].lines / round[way].milliseconds),
      0,
    ),
    withInterval(
      estimateMedian(rounds, (round) => (round[way].cpu / round[way].lines) * 1000),
      2,
    ),
    withInterval(
      estimateMedian(rounds, (round) => round[way].peakMebibytes),
      0,
    ),
  ]);
  const whole = [
    '`syscribe audit --file … --once`, of processes that are gone',
    withInterval(
      estimateMedian(rounds, ({ command }) => LINES / command.milliseconds),
      0,
    ),
    '',
    withInterval(
      estimateMedian(rounds, ({ command }) => command.peakMebibytes),
      0,
    ),
  ];
  return table(['', 'lines/ms', 'CPU, µs a line', 'peak, MiB'], [...rows, whole]);
}

export function sourceTable(sources: ReadonlyMap<string, readonly SourceRound[]>): string {
  const rows = [...sources].map(([name, rounds]) => [
    name,
    withInterval(
      estimateMedian(rounds, ({ bare }) => bare),
      0,
    ),
    withInterval(
      estimateMedian(rounds, ({ bare, ebpf }) => ebpf / bare),
      2,
    ),
    withInterval(
      estimateMedian(rounds, ({ bare, audit }) => audit / bare),
      2,
    ),
  ]);
  return table(['', 'bare, ms', 'ratio, `--source ebpf`', 'ratio, `--source audit`'], rows);
}

/** The worker as JavaScript, as users run it: stripping types when a file is loaded takes some 20 MiB. */
function compileWorker(directory: string): string {
  const settings = {
    extends: join(TOP, 'tsconfig.json'),
    compilerOptions: { noEmit: false, outDir: directory, rootDir: TOP, typeRoots: [join(TOP, 'node_modules/@types')] },
    files: [join(TOP, 'test/bench/audit-worker.ts')],
    include: [],
  };
  const config = `${directory}.json`;
  writeFileSync(config, JSON.stringify(settings));
  execFileSync('tsc', ['-p', config], { stdio: 'inherit' });
  for (const name of ['node_modules', 'prebuilds']) symlinkSync(join(TOP, name), join(directory, name));
  cpSync(fileURLToPath(CRI), join(directory, 'src/container/cri/cri.proto'));
  cpSync(join(TOP, 'package.json'), join(directory, 'package.json'));
  return join(directory, 'test/bench/audit-worker.js');
}

async function pass(worker: string, way: 'parse' | 'stream', log: string, endpoint: string): Promise<Passed> {
  const child = spawn(process.execPath, [...FLAGS, worker, way, log, endpoint], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the ${way} worker ended with ${code}`);
  const passed: Passed = JSON.parse(text);
  if (way === 'stream' && passed.named !== passed.events)
    throw new Error(`${passed.events - passed.named} of ${passed.events} events have no pod`);
  return passed;
}

async function timeToFirstLine(log: string): Promise<number> {
  const begun = performance.now();
  const child = spawn(SYSCRIBE, ['audit', '--file', log, '--from-start'], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const milliseconds = performance.now() - begun;
  child.kill('SIGKILL');
  await once(child, 'close');
  return milliseconds;
}

function asUser({ uid }: Workload): string[] {
  return uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
}

/** A container runtime, as far as CRI goes, with the containers of the log. */
async function serveContainers(endpoint: string): Promise<{ endpoint: string; server: Server }> {
  const server = new Server();
  server.addService(serviceOf(loadProto(CRI), 'runtime.v1.RuntimeService'), {
    ContainerStatus: (call: ServerUnaryCall<{ containerId: string }, object>, answer: sendUnaryData<object>) => {
      const { containerId } = call.request;
      const labels = {
        'io.kubernetes.pod.name': `pod-${containerId.slice(-4)}`,
        'io.kubernetes.pod.namespace': 'default',
      };
      answer(null, { status: { id: containerId, metadata: { name: 'main' }, image: { image: 'image:1' }, labels } });
    },
    PodSandboxStatus: (_call: unknown, answer: sendUnaryData<object>) => answer(null, {}),
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.bindAsync(endpoint, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  await promise;
  return { endpoint, server };
}
