/** What simulations of many nodes have in common: an API server alone, and the real operator beside it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FLAGS } from '../../scripts/image.ts';
import { CRDS } from '../system/cluster/webhooks.ts';
import { Running } from '../system/support/syscribe.ts';
import { type BenchCluster, type Kubectl, withCluster } from './kubernetes-cluster.ts';
import { Dialogue } from './programs.ts';

export const NODES = 1000;
const PROCESSES = 2;

/** @param task gets the operator's process. */
export function withSimulatedCluster<T>(task: (cluster: BenchCluster, operator: number) => Promise<T>): Promise<T> {
  return withCluster(0, installDefinitions, async (cluster) => {
    const bundle = mkdtempSync(join(tmpdir(), 'syscribe-bench-operator-'));
    try {
      await using operator = await startOperator(cluster.kubeconfig, bundle);
      return await task(cluster, operator.pid);
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

async function installDefinitions(kubectl: Kubectl): Promise<void> {
  await kubectl(['apply', '-k', CRDS]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
}

/** As the image runs it. */
async function startOperator(
  kubeconfig: string,
  directory: string,
): Promise<AsyncDisposable & { readonly pid: number }> {
  const script = fileURLToPath(new URL('../../scripts/bundle.mjs', import.meta.url));
  const made = await new Running(process.execPath, [script, directory]).finished;
  if (made.code !== 0) throw new Error(made.stderr);
  const entry = join(directory, 'dist/bundle/bin.mjs');
  const options = ['--kubeconfig', kubeconfig, '--namespace', 'default', '--health', '127.0.0.1:18085'];
  const running = new Running(process.execPath, [...FLAGS, entry, 'operator', ...options]);
  await running.until('stdout', /"leading"/);
  return {
    pid: running.pid,
    [Symbol.asyncDispose]: async () => {
      running.child.kill();
      await running.finished;
    },
  };
}
