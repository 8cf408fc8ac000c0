/** What a cluster is to be like, as `SYSCRIBE_TEST_…` in the environment says. */
const {
  SYSCRIBE_TEST_RUNTIME,
  SYSCRIBE_TEST_MACHINE,
  SYSCRIBE_TEST_IMAGES,
  SYSCRIBE_TEST_ARCHIVES,
  SYSCRIBE_TEST_PATIENCE,
  SYSCRIBE_TEST_KUBERNETES,
  SYSCRIBE_TEST_KEEP,
} = process.env;

/** What containers are started by where nothing is said. */
export const RUNTIME = (SYSCRIBE_TEST_RUNTIME ?? 'runc') as 'runc' | 'crun';

/**
 * A kernel of test/system/kernels: each node is a virtual machine with it, whose root is this machine's and whose network is the
 * device tapN of this one. The control plane runs here: emulated, it would take minutes to start.
 */
export const MACHINE = SYSCRIBE_TEST_MACHINE;

/** `busybox|nginx`: only these images are made, where others are not needed and take their time. */
export const WANTED_IMAGES = new RegExp(SYSCRIBE_TEST_IMAGES ?? '');

/** Where images are kept for further clusters that are started of the same tree; undefined: they go with their cluster. */
export const ARCHIVES = SYSCRIBE_TEST_ARCHIVES;

/** `make test-cluster`: a cluster is left as it is after the tests, and taken up by the next that need the same. */
export const KEEP = SYSCRIBE_TEST_KEEP !== undefined;

/** How many times longer than usual a cluster is waited for: an emulated machine takes its time. */
export const PATIENCE = Number(SYSCRIBE_TEST_PATIENCE ?? 1);

/** Whether the kubelet can be told how long it may wait before it starts a container again: not before 1.32. */
export const BACKOFF_CAN_BE_SET = !/^1\.([12]?\d|3[01])\./.test(SYSCRIBE_TEST_KUBERNETES ?? '');

/** kubectl's option. */
export function timeout(seconds: number): string {
  return `--timeout=${seconds * PATIENCE}s`;
}
