import { type Command, Option } from 'commander';
import type { Options } from './compose/webhook.ts';
import { parseAddress } from './values.ts';

const HELP = `
Certificates are made, renewed and put into the webhook configurations and CustomResourceDefinitions by one of the
replicas; with --certificates cert-manager all that is cert-manager's.

Example:
  $ syscribe webhook --namespace security-profiles-operator`;

export function register(program: Command): void {
  program
    .command('webhook')
    .description('prepares new pods for recording, binds profiles to them, and converts objects of older versions')
    .option('--kubeconfig <file>', 'how to reach the API server; default: the service account of the pod')
    .option(
      '--namespace <name>',
      'where Service, Secrets and lease are (or $OPERATOR_NAMESPACE)',
      process.env.OPERATOR_NAMESPACE ?? 'security-profiles-operator',
    )
    .option('--listen <address>', 'where the API server calls', parseAddress, { host: '0.0.0.0', port: 9443 })
    .option('--health <address>', 'where /healthz is', parseAddress, { host: '0.0.0.0', port: 8085 })
    .addOption(new Option('--certificates <who>', 'who makes them').choices(['own', 'cert-manager']).default('own'))
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { run } = await import('./compose/webhook.ts');
      process.exitCode = await run(options);
    });
}
