import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Node } from './node.ts';
import type { Processes } from './processes.ts';

const TOP = fileURLToPath(new URL('../../../', import.meta.url));
const KERNELS = join(TOP, 'test/system/kernels');

/**
 * Moves a node whose containerd has its images, which takes minutes where it is emulated, to a machine. That may not see what is
 * written here later.
 */
export async function startMachine(processes: Processes, node: Node, kernel: string, programs: string): Promise<void> {
  await processes.stop(new RegExp(`^${node.name}-containerd$`));
  const own = join(node.directory, 'containerd');
  // Its root is an overlay, on which there can be no other: what containerd keeps is copied into memory.
  const script = `
    export PATH=${dirname(process.execPath)}:$PATH HOME=${process.env.HOME} XDG_CACHE_HOME=${process.env.XDG_CACHE_HOME ?? ''}
    grep ' - cgroup ' /proc/self/mountinfo && exit 1
    modprobe -d "$(${KERNELS}/fetch-kernel.sh ${kernel})" -a virtio_net bridge veth || exit 1
    mount -t tmpfs tmpfs /mnt && cp -a ${own}/root /mnt && mount --move /mnt ${own} || exit 1
    ip link set eth0 up && ip route add 10.96.0.0/24 dev eth0 || exit 1
    exec node ${TOP}test/system/cluster/join.ts ${node.number} ${programs}`;
  const network = `tap,ifname=tap${node.number},script=no,downscript=no,model=virtio-net-pci`;
  processes.start(`${node.name}-machine`, join(KERNELS, 'boot.sh'), [kernel, '/', script], { BOOT_NETWORK: network });
}
