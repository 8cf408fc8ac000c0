/** A cluster for the bench, begun and ended around what is measured in it. */
import { DIRECTORY, startCluster, stopCluster } from '../system/cluster/cluster.ts';
import { auditLogOf } from '../system/cluster/control-plane.ts';
import { type Eyes, openEyes } from '../system/cluster/watched.ts';
import { Running } from '../system/support/syscribe.ts';

/** @throws Error with what kubectl said where it fails. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

export interface BenchCluster {
  readonly kubeconfig: string;
  /** {@link requestsIn} reads it. */
  readonly auditLog: string;
  readonly kubectl: Kubectl;
  readonly eyes: Eyes;
  apply(...objects: object[]): Promise<void>;
}

/** @param prepare done before anything is watched: what is watched has to be there. */
export async function withCluster<T>(
  nodes: number,
  prepare: (kubectl: Kubectl) => Promise<void>,
  task: (cluster: BenchCluster) => Promise<T>,
): Promise<T> {
  const { kubeconfig, kubectl: file } = await startCluster(nodes, say, { audit: true, simulated: nodes === 0 });
  try {
    const kubectl: Kubectl = async (args, input) => {
      const running = new Running(file, args, { stdin: 'pipe' });
      running.child.stdin?.end(input);
      const { code, stdout, stderr } = await running.finished;
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
      return stdout;
    };
    await prepare(kubectl);
    const eyes = openEyes(kubeconfig);
    try {
      const apply = async (...items: object[]) => {
        await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
      };
      return await task({ kubeconfig, auditLog: auditLogOf(DIRECTORY), kubectl, eyes, apply });
    } finally {
      await eyes.close();
    }
  } finally {
    await stopCluster();
  }
}

export function say(text: string): void {
  process.stderr.write(`bench: kubernetes: ${text}\n`);
}
