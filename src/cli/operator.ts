import type { Command } from 'commander';
import type { Options } from './compose/operator.ts';
import { addressOption } from './values.ts';

const HELP = `
Any number of replicas may run: one leads, by the lease security-profiles-operator-lock, the others are ready to.

Example:
  $ syscribe operator --namespace security-profiles-operator`;

export function register(program: Command): void {
  program
    .command('operator')
    .description('Deploy agents, aggregate status, merge recordings, finalize deletions')
    .option('--kubeconfig <file>', 'how to reach the API server; default: the service account of the pod')
    .option(
      '--namespace <name>',
      'where the lease and the agents are (or $OPERATOR_NAMESPACE)',
      process.env.OPERATOR_NAMESPACE ?? 'security-profiles-operator',
    )
    .option(
      '--kubelet-dir <path>',
      'kubelet’s root directory on the nodes (or $KUBELET_DIR)',
      process.env.KUBELET_DIR ?? '/var/lib/kubelet',
    )
    .addOption(addressOption('--health <address>', 'address to serve /healthz on', 8085))
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { run } = await import('./compose/operator.ts');
      process.exitCode = await run(options);
    });
}
