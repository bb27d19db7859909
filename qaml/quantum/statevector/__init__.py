"""Pure states of any circuit in torch: any device, float32 or float64, gradients by autograd."""
