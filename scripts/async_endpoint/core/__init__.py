"""What every part agrees on: limits, names and shapes. Pure: no I/O, no clock."""
