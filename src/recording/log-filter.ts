const RETURN = 0x06; // BPF_RET | BPF_K
const FILTER_LOG = 0x7ffc0000; // SECCOMP_RET_LOG
const FLAG_LOG = 2; // SECCOMP_FILTER_FLAG_LOG

/** The filter that allows every call of every architecture and logs it: one instruction, struct sock_filter. */
export function logEverything(): { readonly program: Buffer; readonly flags: number } {
  const program = Buffer.alloc(8);
  program.writeUInt16LE(RETURN, 0);
  program.writeUInt32LE(FILTER_LOG, 4);
  return { program, flags: FLAG_LOG };
}
