/** What simulations of many nodes have in common: an API server alone, and the real operator beside it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FLAGS } from '../../scripts/image.ts';
import { writeTokenKubeconfig } from '../system/cluster/control-plane.ts';
import { CRDS } from '../system/cluster/webhooks.ts';
import { Running } from '../system/support/syscribe.ts';
import { type BenchCluster, type Kubectl, withCluster } from './kubernetes-cluster.ts';
import { Dialogue } from './programs.ts';

export const NODES = 1000;
const PROCESSES = 2;

/** Its process, and how often it had to be started anew. */
export interface Operator {
  readonly pid: number;
  readonly restarts: number;
}

export function withSimulatedCluster<T>(task: (cluster: BenchCluster, operator: Operator) => Promise<T>): Promise<T> {
  return withCluster(0, installDefinitions, async (cluster) => {
    const bundle = mkdtempSync(join(tmpdir(), 'syscribe-bench-operator-'));
    try {
      const kubeconfig = await asServiceAccount(cluster, bundle);
      await using operator = await startOperator(kubeconfig, bundle);
      return await task({ ...cluster, kubeconfig }, operator);
    } finally {
      rmSync(bundle, { recursive: true });
    }
  });
}

/** All nodes' agents, once they have seen the cluster, in a few processes of a program of the bench. */
export async function startAgents(program: string, kubeconfig: string, ...args: string[]) {
  const script = fileURLToPath(new URL(program, import.meta.url));
  const each = NODES / PROCESSES;
  await using agents = new AsyncDisposableStack();
  const processes = Array.from({ length: PROCESSES }, (_, index) =>
    agents.use(new Dialogue(process.execPath, script, kubeconfig, ...[index * each, each].map(String), ...args)),
  );
  await Promise.all(processes.map((one) => one.heard()));
  const started = agents.move();
  return { processes, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** As pods are, not the administrator: of him the API server takes as much as comes, of others what it can do at once. */
async function asServiceAccount({ kubeconfig, kubectl }: BenchCluster, directory: string): Promise<string> {
  await kubectl(['create', 'serviceaccount', 'spod']);
  const rights = ['--clusterrole=cluster-admin', '--serviceaccount=default:spod'];
  await kubectl(['create', 'clusterrolebinding', 'spod', ...rights]);
  const token = (await kubectl(['create', 'token', 'spod', '--duration=3h'])).trim();
  const file = join(directory, 'kubeconfig');
  writeTokenKubeconfig(file, kubeconfig, token);
  return file;
}

async function installDefinitions(kubectl: Kubectl): Promise<void> {
  await kubectl(['apply', '-k', CRDS]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
}

/** As the image runs it, and started anew when it ends, as the kubelet would: it ends where it cannot keep its lease. */
async function startOperator(kubeconfig: string, directory: string): Promise<AsyncDisposable & Operator> {
  const script = fileURLToPath(new URL('../../scripts/bundle.mjs', import.meta.url));
  const made = await new Running(process.execPath, [script, directory]).finished;
  if (made.code !== 0) throw new Error(made.stderr);
  const entry = join(directory, 'dist/bundle/bin.mjs');
  const options = ['--kubeconfig', kubeconfig, '--namespace', 'default', '--health', '127.0.0.1:18085'];
  const start = () => new Running(process.execPath, [...FLAGS, entry, 'operator', ...options]);
  let running = start();
  let [over, restarts] = [false, 0];
  await running.until('stdout', /"leading"/);
  const kept = (async () => {
    for (;;) {
      await running.finished;
      if (over) return;
      restarts += 1;
      running = start();
    }
  })();
  return {
    get pid() {
      return running.pid;
    },
    get restarts() {
      return restarts;
    },
    [Symbol.asyncDispose]: async () => {
      over = true;
      running.child.kill();
      await kept;
    },
  };
}
