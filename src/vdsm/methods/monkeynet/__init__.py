"""MonkeyNet: Siarohin, Lathuilière, Tulyakov, Ricci, Sebe, CVPR 2019."""
