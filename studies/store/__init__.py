"""Where finished jobs are kept, so that whatever ends a comparison, it goes on."""
