import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { KubeClient } from '../../kube/client.ts';
import { loadConnection } from '../../kube/config.ts';
import { writeAll } from '../output.ts';
import { toJson } from '../render-style.ts';
import { version } from '../version.ts';

export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

export interface OutputOptions {
  readonly output?: 'json' | 'yaml';
}

/** What kubectl calls them; a plugin is given them as they were written. */
export function addClusterOptions(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'how to reach the API server (default: $KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'the context of the kubeconfig')
    .option('-n, --namespace <name>', 'the namespace (default: that of the context)');
}

/** For commands about an installation: `namespace` is where that is. */
export function addInstallationOptions(command: Command): Command {
  return command
    .option(
      '--kubeconfig <file>',
      'how to reach the API server (default: $KUBECONFIG, ~/.kube/config, that of the pod)',
    )
    .option('--context <name>', 'the context of the kubeconfig')
    .option(
      '-n, --namespace <name>',
      'where it is installed (or $OPERATOR_NAMESPACE)',
      process.env.OPERATOR_NAMESPACE ?? 'security-profiles-operator',
    );
}

export function addOutputOption(command: Command): Command {
  return command.addOption(new Option('-o, --output <format>', 'for programs').choices(['json', 'yaml']));
}

/** As client-go does, and so kubectl. */
const THROTTLED_RETRIES = 10;

/** Does `work` with a client of the cluster, and the namespace that is meant. */
export async function withCluster<T>(
  { kubeconfig, context, namespace }: ClusterOptions,
  work: (client: KubeClient, namespace: string) => Promise<T>,
): Promise<T> {
  const connection = loadConnection({ kubeconfig, context });
  await using client = new KubeClient(connection, {
    userAgent: `kubectl-syscribe/${version()}`,
    throttledRetries: THROTTLED_RETRIES,
  });
  return await work(client, namespace ?? connection.namespace);
}

export function writeStructured(value: object, format: 'json' | 'yaml'): void {
  writeAll(1, format === 'json' ? toJson(value) : stringify(value));
}
