locals {
  # Families with local NVMe storage: those with a d among their attributes (m5d, c6id, g4dn, p4de), and these without one.
  _nvme_pattern = "^ml\\.(?:[a-z]+[0-9]+[a-z]*d[a-z]*|gr?[56]e?|p5[a-z]*|p6-[a-z0-9]+|trn[12][a-z]*)\\."
}
