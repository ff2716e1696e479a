# Writes an assembly file that holds the binary schema as read-only data: millrace_schema_begin .. millrace_schema_end.
file(WRITE "${OUT}" ".section .rodata\n.balign 16\n.global millrace_schema_begin\nmillrace_schema_begin:\n.incbin \"${BFBS}\"\n.global millrace_schema_end\nmillrace_schema_end:\n.byte 0\n.section .note.GNU-stack,\"\",%progbits\n")
