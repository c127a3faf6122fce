// Package auon puts the claims about AuON to the test: D. Maity, "AuON: A
// Linear-time Alternative to Semi-Orthogonal Momentum Updates", arXiv
// 2509.24320 (2025). The optimizer itself is optim.AuON.
//
// The paper trains small language models on GPUs. Here a multilayer perceptron
// learns handwritten digits, which a processor does in seconds, with the two
// hidden weight matrices moved by the method under test and everything else by
// AdamW.
package auon
