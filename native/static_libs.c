// SPDX-License-Identifier: Apache-2.0
/*
 * Debian's libbpf.a and libelf.a are built for executables. Two things in them cannot go into a shared object: a direct
 * reference to libc's `stderr` (the Makefile renames it to the pointer below) and libelf's thread-local error number
 * (defining its accessors here keeps that member of the archive out of the link).
 */
#include <stdio.h>

FILE *syscribe_stderr;

static int last_error;

int elf_errno(void);
const char *elf_errmsg(int error);
void __libelf_seterrno(int value);

__attribute__((constructor)) static void set_stderr(void)
{
	syscribe_stderr = stderr;
}

int elf_errno(void)
{
	int error = last_error;

	last_error = 0;
	return error;
}

void __libelf_seterrno(int value)
{
	last_error = value;
}

const char *elf_errmsg(int error)
{
	return error ? "invalid ELF" : "no error";
}
