import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from './cluster.ts';
import { makeImages } from './images.ts';
import { DIRECTORY } from './node.ts';
import { Processes } from './processes.ts';

const OWN = /^(default|kube-.*|security-profiles-operator)$/;

/**
 * The cluster that an earlier `make test-cluster` left, as a test expects to find it: without the objects of that run, and with
 * images of this tree. Undefined where there is none with as many nodes.
 */
export async function takeUp(count: number, say: (text: string) => void): Promise<Cluster | undefined> {
  const nodes = Array.from({ length: count }, (_, index) => `node-${index + 1}`);
  const more = existsSync(join(DIRECTORY, `node-${count + 1}`));
  if (!existsSync(DIRECTORY) || !new Processes(DIRECTORY).alive() || more) return undefined;
  if (!nodes.every((name) => existsSync(join(DIRECTORY, name)))) return undefined;
  say('taking up the cluster that is there; make cluster-down ends it');
  const kubectl = join(DIRECTORY, 'kubectl');
  const ask = async (...args: string[]) => (await promisify(execFile)(kubectl, args)).stdout;
  if (count > 0) {
    const [archive = ''] = makeImages(DIRECTORY, { again: true });
    for (const name of nodes)
      await promisify(execFile)('ctr', [
        '-a',
        join(DIRECTORY, name, 'containerd.sock'),
        '-n',
        'k8s.io',
        'images',
        'import',
        archive,
      ]);
  }
  const kinds = (await ask('api-resources', '--api-group=security-profiles-operator.x-k8s.io', '-o', 'name')).split(
    '\n',
  );
  for (const kind of kinds.filter((name) => /^(profilerecordings|profilebindings|seccompprofiles)\./.test(name)))
    await ask('delete', kind, '--all', '--all-namespaces');
  const namespaces = (await ask('get', 'namespaces', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ');
  const others = namespaces.filter((name) => !OWN.test(name));
  if (others.length > 0) await ask('delete', 'namespace', ...others);
  // They run the image of before.
  for (const name of ['default', 'security-profiles-operator'])
    await ask('-n', name, 'delete', 'pods', '--all', '--ignore-not-found');
  return { kubeconfig: join(DIRECTORY, 'kubeconfig'), kubectl, nodes };
}
