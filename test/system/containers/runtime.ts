import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { testsAll } from '../../support/sizes.ts';
import { Running, scratch } from '../support/syscribe.ts';

/** crun refuses a host with v1 controllers: it gets a mount namespace in which there is only the v2 hierarchy. */
const ONLY_V2 = 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';

/** A container runtime, with a state directory of its own. */
export class Runtime {
  readonly kind: 'runc' | 'crun';
  readonly name: string;
  readonly #command: readonly string[];

  constructor(kind: 'runc' | 'crun', binary: string) {
    this.kind = kind;
    const version = /version (\S+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' }))?.[1] ?? '?';
    this.name = `${kind} ${version}`;
    const state = scratch('state');
    const own = [binary, '--root', state, ...(kind === 'crun' ? ['--cgroup-manager=cgroupfs'] : [])];
    this.#command = kind === 'crun' ? ['unshare', '-m', 'sh', '-c', ONLY_V2, 'sh', ...own] : own;
  }

  run(id: string, bundle: string): Running {
    return this.#start('run', '--bundle', bundle, id);
  }

  exec(id: string, ...command: string[]): Running {
    return this.#start('exec', id, ...command);
  }

  kill(id: string, signal: string): Running {
    return this.#start('kill', id, signal);
  }

  #start(...args: string[]): Running {
    const [file = '', ...before] = this.#command;
    return new Running(file, [...before, ...args]);
  }
}

/** Debian's runc and crun; where all is tested, the newest runc that Go modules give, too. @throws where it cannot be built. */
export function runtimes(): Runtime[] {
  const own = [new Runtime('runc', 'runc'), new Runtime('crun', 'crun')];
  if (!testsAll()) return own;
  const script = fileURLToPath(new URL('build-runc.sh', import.meta.url));
  const newest = execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  return [...own, new Runtime('runc', newest)];
}
