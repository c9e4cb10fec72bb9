"""What composes: layers of networks as functions over node types, each declared by `symcnn.layer`: one box each."""
