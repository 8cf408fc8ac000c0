import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freeAddress } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { Running, SYSCRIBE } from '../support/syscribe.ts';
import { type InstalledCluster, NAMESPACE } from './installed.ts';
import { commands } from './processes.ts';

/** Characters of a process's output in an error. */
const SHOWN = 4000;

/** The processes of a part of syscribe, as the host sees them. */
export function processesOf(part: 'agent' | 'operator' | 'webhook'): number[] {
  return commands()
    .filter(({ words }) => words.includes(part) && words.some((word) => word.endsWith('/bundle/bin.mjs')))
    .map(({ pid }) => pid);
}

/** Processes of the container whose script makes a file of this name. */
export function containersOf(mark: string): number {
  return commands().filter(({ words }) => words.some((word) => word.includes(`/tmp/${mark}`))).length;
}

export function kill(part: Parameters<typeof processesOf>[0]): number {
  const pids = processesOf(part);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  return pids.length;
}

const HEALTH = 'http://10.97.0.1:8085/healthz';

/** What the first node's agent says of itself, behind the status; nothing where there is none. */
export async function health(): Promise<string> {
  try {
    const response = await fetch(HEALTH);
    return `${response.status} ${await response.text()}`;
  } catch {
    return '';
  }
}

/** The agent of the one node, killed, and another that the kubelet has started and that is well. */
export async function restartAgent(): Promise<void> {
  const old = processesOf('agent');
  kill('agent');
  await until('another agent runs, and is well', async () => {
    const now = processesOf('agent');
    return now.length === 1 && !old.includes(now[0] ?? 0) && (await health()).startsWith('200');
  });
}

/** A small disk over a directory of the node, until {@link Disk.unmount} or the end of the test. */
export class Disk {
  readonly #directory: string;
  #mounted = true;

  /** A container sees the mounts of its beginning: whoever is to see it is started anew behind this. */
  constructor(context: TestContext, directory: string) {
    this.#directory = directory;
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory]);
    context.after(() => this.unmount());
  }

  /** Leaves no room. */
  fill(): void {
    execFileSync('sh', ['-c', 'cat /dev/zero >"$1" 2>/dev/null || true', 'sh', this.#ballast]);
  }

  makeRoom(): void {
    rmSync(this.#ballast);
  }

  unmount(): void {
    if (this.#mounted) execFileSync('umount', [this.#directory]);
    this.#mounted = false;
  }

  get #ballast(): string {
    return join(this.#directory, 'ballast');
  }
}

/** A process that is started again as soon as it is killed. */
export class Kept {
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #running: Running;
  #over = false;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#args = args;
    this.#env = env;
    this.#running = this.#start();
  }

  #start(): Running {
    return new Running(SYSCRIBE, this.#args, { env: { ...process.env, ...this.#env } });
  }

  /** It has said so. */
  async ready(said: RegExp): Promise<void> {
    await this.#running.until('stdout', said);
  }

  /** What the present one has written, and whether it runs: for the message of a test that fails. */
  get said(): string {
    const { child, stdout, stderr } = this.#running;
    const state = child.exitCode ?? child.signalCode ?? 'runs';
    return `${this.#args[0]} (${state}):\n${(stdout + stderr).slice(-SHOWN)}`;
  }

  async kill(): Promise<void> {
    this.#running.child.kill('SIGKILL');
    await this.#running.finished;
    if (!this.#over) this.#running = this.#start();
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.kill();
  }
}

/** mulberry32: the same numbers for the same seed. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param random from 0 to 1. */
export function pick<T>(from: readonly T[], random: number): T {
  return from[Math.floor(random * from.length)] as T;
}

/** The webhook as a process that is kept, behind the Service of those that run as pods and are gone then. */
export async function webhookOutside(
  context: TestContext,
  { kubectl, kubeconfig, eyes }: InstalledCluster,
): Promise<Kept> {
  const name = `${NAMESPACE}-webhook`;
  await kubectl(['-n', NAMESPACE, 'scale', `deployment/${name}`, '--replicas=0']);
  await eyes.pods.all((pods) => !pods.some(({ metadata }) => metadata.labels?.name === name));
  const service = 'webhook-service';
  // Without a selector, who serves it is whoever says so.
  await kubectl(['-n', NAMESPACE, 'patch', `service/${service}`, '-p', '{"spec":{"selector":null}}']);
  await kubectl(['-n', NAMESPACE, 'delete', 'endpointslices', '-l', `kubernetes.io/service-name=${service}`]);
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: NAMESPACE, name: 'outside', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [OUTSIDE.host], conditions: { ready: true } }],
    ports: [{ port: OUTSIDE.port, protocol: 'TCP', name: '' }],
  };
  await kubectl(['apply', '-f', '-'], JSON.stringify(slice));
  context.after(() => kubectl(['-n', NAMESPACE, 'delete', 'endpointslice', slice.metadata.name]));
  const listen = ['--listen', `${OUTSIDE.host}:${OUTSIDE.port}`, '--health', await freeAddress()];
  const webhook = new Kept(['webhook', '--kubeconfig', kubeconfig, ...listen], {});
  await webhook.ready(/webhooks are served/);
  return webhook;
}

/** An address of the first node. */
const OUTSIDE = { host: '10.97.0.1', port: 19443 };
