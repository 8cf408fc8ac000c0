import { Option, type Command as Program } from 'commander';
import { SyscribeError } from '../platform/errors.ts';
import { checkWritable } from '../platform/files.ts';
import { ACTIONS } from '../profile/seccomp/model.ts';
import { RUNTIMES } from '../profile/seccomp/runtime-tails.ts';
import { RecordingSession, type SessionSettings } from '../recording/ebpf/session.ts';
import type { Observation } from '../recording/observation.ts';
import type { Recording, Target } from '../recording/recording.ts';
import { EXIT } from './exit.ts';
import { showProgress } from './live-line.ts';
import { complain } from './output.ts';
import { deliver, type OutputOptions, summarize } from './record-output.ts';
import { SignalPasser } from './signals.ts';
import { parseDuration, parseList, parsePid } from './values.ts';

interface Options extends OutputOptions {
  readonly privileged?: true;
  readonly untilQuiet?: number;
  readonly duration?: number;
  readonly pid?: number;
  readonly cgroup?: string;
  readonly container?: string;
  readonly source: 'ebpf' | 'audit' | 'both';
}

const HELP = `
The recording ends when the last recorded process is gone, or on Ctrl-C, --duration or --until-quiet; what still runs
then goes on unrecorded, and the profile is called partial. The exit status is the command's; 125 is syscribe's own
failure, 126 a command that cannot be executed, 127 one that is not found.

With --source audit a command runs under a filter that logs every call it makes, in an audit session of its own, and is
slower for it; a container's own profile has to log (SCMP_ACT_LOG). Lost records make the profile partial.

Examples:
  $ sudo syscribe record -o nginx.yaml -- nginx -g 'daemon off;'
  $ sudo syscribe record -t raw-seccomp --runtime runc --container 4f1d --until-quiet 60s -o nginx.json`;

export function register(program: Program): void {
  program
    .command('record')
    .description('Record a command, or what already runs, and write its seccomp profile')
    .argument('[command...]', 'the command and its arguments, after --')
    .passThroughOptions()
    .option('-o, --output-file <file>', 'where the profile goes; standard output if absent')
    .addOption(
      new Option(
        '-t, --type <type>',
        'seccomp: a SeccompProfile custom resource; raw-seccomp: JSON for runc, Docker, Podman',
      )
        .choices(['seccomp', 'raw-seccomp'])
        .default('seccomp'),
    )
    .option('--name <name>', "the profile's name; default the command's, the container's or the process's")
    .addOption(
      new Option('--default-action <action>', 'what happens to calls that are not listed')
        .choices(ACTIONS)
        .default('SCMP_ACT_ERRNO'),
    )
    .option('--default-errno <number>', 'what refused calls return (raw-seccomp only); default EPERM', parseErrno)
    .addOption(
      new Option('--runtime <runtime>', 'add what this container runtime calls after loading the profile').choices(
        RUNTIMES,
      ),
    )
    .option('--base-syscalls <list>', 'always allowed, seen or not', parseList)
    .option('--no-base-syscalls', 'allow only what was seen')
    .option('--portable', 'add the clock and random calls that the vDSO hides here and another machine makes')
    .option('--evidence <file>', 'write who called what first, as JSON')
    .option('--until-quiet <time>', 'end when no new call was seen for so long (30s, 5m)', parseDuration)
    .option('--duration <time>', 'end after so long', parseDuration)
    .option('--privileged', 'run the command as root, not as the user behind sudo')
    .option('--pid <pid>', 'record a running process and its children', parsePid)
    .option('--cgroup <path>', 'record everything in a cgroup and below it')
    .option('--container <id>', 'record a running container: its id, or the beginning of it')
    .addOption(
      new Option(
        '--source <source>',
        'ebpf; audit: from the audit log, where eBPF is not allowed; both: adds what the present profile refuses',
      )
        .choices(['ebpf', 'audit', 'both'])
        .default('ebpf'),
    )
    .addHelpText('after', HELP)
    .action(async (command: string[], options: Options) => {
      process.exitCode = await record(command, options);
    });
}

function parseErrno(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 4096) return number;
  throw new SyscribeError('ERR_USAGE', `--default-errno ${text} is not an error number`, {
    remedy: 'Give the number, such as 38 for ENOSYS.',
  });
}

function chooseTarget(command: readonly string[], options: Options): Target {
  const targets: Target[] = [];
  if (command.length > 0) targets.push({ command });
  if (options.pid !== undefined) targets.push({ pid: options.pid });
  if (options.cgroup !== undefined) targets.push({ cgroup: options.cgroup });
  if (options.container !== undefined) targets.push({ container: options.container });
  const [target] = targets;
  if (target && targets.length === 1) return target;
  throw new SyscribeError('ERR_USAGE', target ? 'more than one thing to record' : 'nothing to record', {
    remedy: 'Give one of: -- COMMAND, --pid, --cgroup, --container.',
  });
}

function defaultName(target: Target): string {
  if ('command' in target) return target.command[0]?.split('/').at(-1) ?? 'command';
  if ('pid' in target) return `pid-${target.pid}`;
  if ('container' in target) return target.container;
  return target.cgroup.split('/').filter(Boolean).at(-1) ?? 'cgroup';
}

async function record(command: readonly string[], options: Options): Promise<number> {
  const target = chooseTarget(command, options);
  // The resource has no field for it (SPO's schema), and rendering one refuses to drop it.
  if (options.type === 'seccomp' && (options.defaultErrno ?? 1) !== 1)
    throw new SyscribeError('ERR_USAGE', 'a SeccompProfile resource has no field for --default-errno', {
      remedy: 'Add -t raw-seccomp, or leave --default-errno away.',
    });
  // Before anything starts: a recording whose result has nowhere to go is a waste of somebody's afternoon.
  for (const file of [options.outputFile, options.evidence]) if (file !== undefined) checkWritable(file);
  using signals = new SignalPasser();
  const session = await begin(target, options.source, {
    ...(options.privileged && { privileged: true }),
    ...(options.duration !== undefined && { duration: options.duration }),
    ...(options.untilQuiet !== undefined && { untilQuiet: options.untilQuiet }),
  });
  signals.attach(session);
  if (!('command' in target)) complain(`recording ${Object.values(target)[0]} (Ctrl-C ends it)`);
  const hideProgress = showProgress(session);
  let observation: Observation;
  try {
    observation = await session.finished;
  } finally {
    hideProgress();
  }
  const delivered = deliver(observation, options, options.name ?? defaultName(target));
  summarize(observation, delivered, options);
  if (!delivered.written) return EXIT.recorderFailed;
  return exitStatus(session);
}

/** What a source needs is imported only when it is the one asked for: a recording by eBPF starts without the log's. */
async function begin(target: Target, source: Options['source'], settings: SessionSettings): Promise<Recording> {
  if (source === 'ebpf') return RecordingSession.start(target, settings);
  if (source === 'both') return (await import('../recording/both-session.ts')).DeniedSession.start(target, settings);
  if ('command' in target)
    return (await import('../recording/audit/command-session.ts')).LogSession.start(target.command, settings);
  return (await import('../recording/audit/cgroup-session.ts')).LogAttachment.start(target, settings);
}

/** The command's status as a shell tells it; 0 for one that still runs. */
async function exitStatus(session: Recording): Promise<number> {
  if (!session.command?.gone) return EXIT.ok;
  const exit = await session.exit;
  return exit ? exit.code || (exit.signal && 128 + exit.signal) : EXIT.ok;
}
