import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Container } from './container.ts';
import type { ImageName } from './images.ts';

/** A container's program and what is done with it. */
export interface Load {
  readonly image: ImageName;
  readonly args: readonly string[];
  readonly user?: number;
  /**
   * Waits until the container is ready, works with it, ends it, and throws unless all went as it should. `meanwhile`
   * happens while it is running.
   */
  readonly drive: (container: Container, meanwhile?: () => Promise<void>) => Promise<void>;
}

// Ends by its handler of SIGTERM: a container's first process has no default action for it.
const SCRIPT = `
trap 'echo stopped; exit 0' TERM
cd /run; echo text >a; cp a b; tr a-z A-Z <b; mkdir d; ln -s x d/l; ls -lR / 2>/dev/null | grep -c busybox; rm -r d; id -u
sleep 1000 & echo ready; wait
`;

async function stopped(container: Container, signal: 'TERM' | 'QUIT'): Promise<string> {
  assert.equal((await container.kill(signal)).code, 0);
  const { code, stdout, stderr } = await container.finished;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}

async function succeeds(container: Container, ...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await container.withNetwork(...command);
  assert.equal(code, 0, `${command.join(' ')}: ${stderr}`);
  return stdout;
}

export const LOADS: readonly Load[] = [
  {
    image: 'busybox',
    args: ['/bin/sh', '-c', SCRIPT],
    drive: async (container, meanwhile) => {
      await container.running.until('stdout', /^ready\n/m);
      await meanwhile?.();
      assert.match(await stopped(container, 'TERM'), /^TEXT\n\d{3}\n0\nready\nstopped\n$/);
    },
  },
  {
    image: 'nginx',
    args: ['/usr/sbin/nginx', '-c', '/etc/nginx.conf'],
    drive: async (container, meanwhile) => {
      await container.until(() => existsSync(join(container.bundle.run, 'nginx.pid')));
      const get = (...args: string[]) => succeeds(container, 'curl', '-sS', ...args);
      for (let count = 0; count < 3; count += 1) {
        assert.equal(await get('http://127.0.0.1/'), 'served\n');
        assert.equal((await get('http://127.0.0.1/large')).length, 3_000_000);
        assert.match(await get('http://127.0.0.1/nothing'), /404 Not Found/);
        assert.equal(await get('--compressed', 'http://127.0.0.1/'), 'served\n');
      }
      await meanwhile?.();
      await stopped(container, 'QUIT');
    },
  },
  {
    image: 'redis',
    args: ['/usr/bin/redis-server', '--bind', '127.0.0.1', '--dir', '/run', '--save', '', '--appendonly', 'yes'],
    user: 1000,
    drive: async (container, meanwhile) => {
      await container.until(async () => (await container.withNetwork('redis-cli', 'ping')).stdout === 'PONG\n');
      await succeeds(container, 'redis-benchmark', '-n', '2000', '-q', '-t', 'ping,set,get,lpush');
      assert.equal(await succeeds(container, 'redis-cli', 'echo', 'hello'), 'hello\n');
      await meanwhile?.();
      await stopped(container, 'TERM');
    },
  },
];
