import { join } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import { type Finished, Running, temporary } from '../support/syscribe.ts';
import { buildKubernetes, type Cluster, startCluster, stopCluster } from './cluster.ts';
import { writeTokenKubeconfig } from './control-plane.ts';
import { takeUp } from './kept.ts';
import { fileName, keepLogs } from './logs.ts';
import { DIRECTORY } from './node.ts';
import { KEEP } from './variables.ts';

/** A cluster for the tests of a file, begun before the first of them and ended behind the last. */
export interface TestCluster {
  /** To be given to each test: says why there is none, where there is none. */
  readonly options: { readonly skip?: string };
  /** The administrator's. */
  readonly kubeconfig: string;
  kubectl(args: readonly string[], input?: string): Promise<Finished>;
  /** As whoever has nothing but a token. */
  asToken(context: TestContext, token: string, args: readonly string[], input?: string): Promise<Finished>;
}

/**
 * @param nodes 0: an API server alone.
 * @param prepare done once it runs, before the first test (hooks of a file do not wait for one another).
 */
export function useCluster(nodes: number, prepare?: () => Promise<void>): TestCluster {
  let cluster: Cluster | undefined;
  const skip = reasonToSkip();
  if (skip === undefined) {
    before(async () => {
      const say = (text: string) => console.error(`cluster: ${text}`);
      cluster = KEEP ? await takeUp(nodes, say) : undefined;
      cluster ??= await startCluster(nodes, say);
      await prepare?.();
    });
    after(async () => {
      // Not another's, for whose sake this one could not be started.
      if (cluster === undefined) return;
      keepLogs(DIRECTORY, fileName());
      if (!KEEP) await stopCluster();
    });
  }
  const administrator = () => {
    if (!cluster) throw new Error('the cluster has not started');
    return cluster.kubeconfig;
  };
  const kubectl = (args: readonly string[], input?: string) => {
    const running = new Running(cluster?.kubectl ?? 'kubectl', args, { stdin: 'pipe' });
    running.child.stdin?.end(input);
    return running.finished;
  };
  return {
    options: skip === undefined ? {} : { skip },
    get kubeconfig() {
      return administrator();
    },
    kubectl,
    asToken: (context, token, args, input) => {
      const file = join(temporary(context), 'kubeconfig');
      writeTokenKubeconfig(file, administrator(), token);
      return kubectl(['--kubeconfig', file, ...args], input);
    },
  };
}

let bare: TestCluster | undefined;

/**
 * One node and nothing installed, for tests of installations: the same cluster for all files that run in one process. Each takes
 * away what it has made, so that the next finds it as bare.
 */
export function useBareCluster(): TestCluster {
  bare ??= useCluster(1);
  return bare;
}

/** Why there can be no cluster on this machine, if that is so. */
export function reasonToSkip(): string | undefined {
  try {
    buildKubernetes();
    return undefined;
  } catch {
    return 'Kubernetes could not be built here (see above)';
  }
}
