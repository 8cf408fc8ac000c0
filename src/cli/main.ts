import { Command, CommanderError } from 'commander';
import { SyscribeError } from '../platform/errors.ts';
import { EXIT } from './exit.ts';
import { complain } from './output.ts';
import { version } from './version.ts';

/** A command is one file; it is imported only when it is the one asked for, so that `diff` does not load the recorder. */
interface Registration {
  register(program: Command): void;
}

/** By what people come for; the heading is what the help shows. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, () => Promise<Registration>>>>> = {
  'Record and enforce:': {
    record: () => import('./record.ts'),
    run: () => import('./run.ts'),
    merge: () => import('./merge.ts'),
  },
  'Inspect:': {
    diff: () => import('./diff.ts'),
    explain: () => import('./explain.ts'),
    audit: () => import('./audit.ts'),
  },
  'Kubernetes:': {
    kubectl: () => import('./kubectl.ts'),
    adopt: () => import('./adopt.ts'),
    migrate: () => import('./migrate.ts'),
    uninstall: () => import('./uninstall.ts'),
  },
  'Components, which the manifests start:': {
    agent: () => import('./agent.ts'),
    operator: () => import('./operator.ts'),
    webhook: () => import('./webhook.ts'),
    'open-directory': () => import('./open-directory.ts'),
  },
};

/** `record` and `run` pass the command's status on, so what is wrong with their own use is told by another number. */
function failureStatus(command: string | undefined): number {
  return command === 'record' || command === 'run' ? EXIT.recorderFailed : EXIT.error;
}

/**
 * Runs the command that `argv` (as in `process.argv`) names and returns the exit status. Errors are told on standard
 * error: what, why, and what to do.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('syscribe')
    .description(
      'Record what a Linux workload really does, and write the tightest seccomp profile that still lets it run',
    )
    .version(version())
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text) => complain(text.trimEnd()) })
    .addHelpText('after', '\nExample:\n  $ sudo syscribe record -o nginx.yaml -- nginx -g "daemon off;"');
  const wanted = argv[2];
  const known = Object.values(GROUPS).some((group) => wanted !== undefined && Object.hasOwn(group, wanted));
  for (const [heading, group] of Object.entries(GROUPS)) {
    program.commandsGroup(heading);
    for (const [name, load] of Object.entries(group)) if (!known || name === wanted) (await load()).register(program);
  }
  // The command help, and the options, have headings of their own.
  program.commandsGroup('');
  try {
    await program.parseAsync([...argv]);
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : failureStatus(wanted);
    if (!(error instanceof SyscribeError)) throw error;
    complain(error.message);
    if (error.cause instanceof Error) complain(`  because: ${error.cause.message}`);
    if (error.remedy) complain(`  remedy: ${error.remedy}`);
    if (error.code === 'ERR_COMMAND_NOT_FOUND') return EXIT.notFound;
    if (error.code === 'ERR_COMMAND_NOT_EXECUTABLE') return EXIT.notExecutable;
    return failureStatus(wanted);
  }
}
