import { type Command, InvalidArgumentError, Option } from 'commander';
import { LABELS, RECORDERS, type Recorder } from '../api/names.ts';
import { SOURCES } from '../capture/audit/open.ts';
import { untilAborted } from '../platform/wait.ts';
import type { Options } from './compose/agent.ts';
import { EXIT } from './exit.ts';
import { addressOption, parseBoolean, parseCount, parseList } from './values.ts';

const HELP = `
Recordings in progress survive the agent: maps and programs are pinned in a bpffs (which must be mounted on the host), what
was seen is kept in the state directory.

Example:
  $ syscribe agent --node-name worker-1 --kubeconfig agent.kubeconfig`;

export function register(program: Command): void {
  program
    .command('agent')
    .description('Install profiles on a node, and record its pods')
    .option('--kubeconfig <file>', 'how to reach the API server; default: the service account of the pod')
    .requiredOption('--node-name <name>', 'the node (or $NODE_NAME)', process.env.NODE_NAME)
    .addOption(setting('--state-dir <path>', 'where recordings in progress are kept').default('/var/lib/syscribe'))
    .addOption(setting('--pin-dir <path>', 'a directory of the host’s bpffs').default('/sys/fs/bpf/syscribe'))
    .option('--cgroup-mount <path>', 'where the host’s /sys/fs/cgroup is', '/sys/fs/cgroup')
    .addOption(setting('--cgroup-root <path>', 'the kubelet’s cgroupRoot').default('/'))
    .option(
      '--kubelet-dir <path>',
      'kubelet’s root directory on the host (or $KUBELET_DIR)',
      process.env.KUBELET_DIR ?? '/var/lib/kubelet',
    )
    .option(
      '--namespace <name>',
      'where the daemon object spod is (or $OPERATOR_NAMESPACE)',
      process.env.OPERATOR_NAMESPACE ?? 'security-profiles-operator',
    )
    .option('--with-recording <bool>', 'whether containers are recorded at all', parseBoolean, true)
    .addOption(
      new Option('--recorders <names>', 'recorders to enable')
        .argParser(parseRecorders)
        .default(RECORDERS, RECORDERS.join()),
    )
    .option(
      '--with-mem-optim <bool>',
      `record only pods with the label ${LABELS.enableRecording}=true, and keep little of others`,
      parseBoolean,
      false,
    )
    .addOption(setting('--slots <n>', 'containers that can be recorded at once').argParser(parseCount).default(512))
    .addOption(
      new Option('--audit-source <source>', 'where recorder Logs reads').choices(SOURCES).default('auto' as const),
    )
    .option('--audit-file <path>', 'read this log instead of auditd’s or the system’s')
    .addOption(
      setting(
        '--audit-rate-limit <n>',
        'limit on audit records per second, all containers together, 10 s average; the noisiest are dropped first (0: no limit)',
      )
        .argParser((text) => (text === '0' ? 0 : parseCount(text)))
        .default(20_000),
    )
    .addOption(settable(addressOption('--metrics <address>', 'address to serve metrics on', 9443)))
    .option('--no-metrics', 'offer no metrics')
    .option('--with-insecure-metrics-access <bool>', 'offer metrics by plain HTTP, to everybody', parseBoolean, false)
    .addOption(
      setting(
        '--metrics-cert-dir <path>',
        'where tls.crt and tls.key for the metrics are; default: one made at each start',
      ),
    )
    .addOption(settable(addressOption('--health <address>', 'address to serve /healthz on', 8085)))
    .option(
      '--verbosity <n>',
      'how much is logged: from 1 on, requests to the API server (or $SPO_VERBOSITY)',
      parseVerbosity,
      parseVerbosity(process.env.SPO_VERBOSITY ?? '0'),
    )
    .option(
      '--profiling <bool>',
      'offer profiles of this process, to everybody (or $SPO_PROFILING)',
      parseBoolean,
      process.env.SPO_PROFILING === 'true',
    )
    .option(
      '--profiling-port <port>',
      'where profiles are (or $SPO_PROFILING_PORT)',
      parseCount,
      parseCount(process.env.SPO_PROFILING_PORT ?? '6060'),
    )
    .addOption(
      new Option(
        '--clean <what>',
        'delete agent data from this node, profiles too or only recordings; then wait for SIGTERM',
      ).choices(['all', 'state']),
    )
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await (options.clean ? clean(options, options.clean) : start(options));
    });
}

/** Its readiness tells whoever uninstalls that the node is clean. */
async function clean({ kubeletDir, stateDir, pinDir, health }: Options, what: 'all' | 'state'): Promise<number> {
  const { cleanNode } = await import('../agent/cleanup.ts');
  const { HealthServer } = await import('../platform/health-server.ts');
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  cleanNode({ kubeletDirectory: kubeletDir, stateDirectory: stateDir, pinDirectory: pinDir }, what);
  await using _health = await HealthServer.listen(health, {});
  await untilAborted(stop.signal);
  return EXIT.ok;
}

function setting(flags: string, description: string): Option {
  return settable(new Option(flags, description));
}

/** What no field of the daemon object says can so be set on its DaemonSet, beside the arguments that are the operator's. */
function settable(option: Option): Option {
  return option.env(`SYSCRIBE_${option.name().toUpperCase().replaceAll('-', '_')}`);
}

function parseRecorders(text: string): Recorder[] {
  const names = parseList(text);
  if (names.every((name): name is Recorder => RECORDERS.some((one) => one === name))) return names;
  throw new InvalidArgumentError('Bpf, Logs, or both.');
}

/** As klog's: any number. */
function parseVerbosity(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A number from 0 on.');
}

async function start(options: Options): Promise<number> {
  const { run } = await import('./compose/agent.ts');
  return run(options);
}
