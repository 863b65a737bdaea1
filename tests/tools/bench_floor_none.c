/* SPDX-License-Identifier: MIT */
/* The floor of a start: a program that does nothing and links nothing. */

int
main(void)
{
	return 0;
}
