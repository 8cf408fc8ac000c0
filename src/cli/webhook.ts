import { type Command, Option } from 'commander';
import type { Options } from './compose/webhook.ts';
import { addressOption } from './values.ts';

const HELP = `
Certificates are made, renewed and put into the webhook configurations and CustomResourceDefinitions by one of the
replicas; with --certificates cert-manager all that is cert-manager's.

Example:
  $ syscribe webhook --namespace security-profiles-operator`;

export function register(program: Command): void {
  program
    .command('webhook')
    .description('Prepare pods for recording, bind profiles to pods, convert older versions')
    .option('--kubeconfig <file>', 'how to reach the API server; default: the service account of the pod')
    .option(
      '--namespace <name>',
      'where Service, Secrets and lease are (or $OPERATOR_NAMESPACE)',
      process.env.OPERATOR_NAMESPACE ?? 'security-profiles-operator',
    )
    .addOption(addressOption('--listen <address>', 'address that the API server calls', 9443))
    .addOption(addressOption('--health <address>', 'address to serve /healthz on', 8085))
    .addOption(new Option('--certificates <who>', 'who makes them').choices(['own', 'cert-manager']).default('own'))
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { run } = await import('./compose/webhook.ts');
      process.exitCode = await run(options);
    });
}
