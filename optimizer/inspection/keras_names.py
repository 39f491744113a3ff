"""Which classes of Keras a file may name; a test holds the list to the installed Keras, which is not imported here."""

from __future__ import annotations

_LAYERS = """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention
    AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
    CategoryEncoding CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose
    Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D
    CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Equalization
    Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
    GroupQueryAttention HashedCrossing Hashing Identity InputLayer IntegerLookup LSTM LSTMCell LayerNormalization
    LeakyReLU Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum
    MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment
    RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
    RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective
    RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom
    ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D
    SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D
    SpectralNormalization StackedRNNCells StringLookup Subtract TextVectorization TimeDistributed UnitNormalization
    UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""
LAYERS = frozenset(_LAYERS.split())
_KERAS_2_LAYERS = """
    ThresholdedReLU LocallyConnected1D LocallyConnected2D CuDNNGRU CuDNNLSTM
"""
KERAS_2_LAYERS = frozenset(_KERAS_2_LAYERS.split())
_CONTAINERS = """
    Sequential Functional Model
"""
CONTAINERS = frozenset(_CONTAINERS.split())
_OBJECTS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform IdentityInitializer LecunNormal LecunUniform Ones
    OrthogonalInitializer Orthogonal RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal VarianceScaling
    Zeros L1 L1L2 L2 OrthogonalRegularizer MaxNorm MinMaxNorm NonNeg UnitNorm DTypePolicy Policy
    QuantizedDTypePolicy
"""
OBJECTS = frozenset(_OBJECTS.split())
# Wrappings of plain values in a Keras configuration.
_VALUES = """
    __tuple__ __tensor__ __numpy__ __keras_tensor__ __ellipsis__ __none__ __slice__ __bytes__
"""
VALUES = frozenset(_VALUES.split())

# Parts of Keras that run what a file says, with what a file could make of them.
DANGEROUS = {
    "Lambda": "stored Python code",
    "__lambda__": "stored Python code",
    "TorchModuleWrapper": "a pickled PyTorch module",
    "TFSMLayer": "a program in a folder elsewhere",
    "JaxLayer": "stored Python code",
    "FlaxLayer": "stored Python code",
    "TFOpLambda": "any function of TensorFlow, such as one that writes files",
    "SlicingOpLambda": "any function of TensorFlow",
    "TensorFlowOpLayer": "any operation of TensorFlow",
    "ClassMethod": "any method of a class",
    "InstanceMethod": "any method of an object",
    "InstanceProperty": "any property of an object",
    "__typespec__": "any class of TensorFlow",
}
# `keras.utils` (get_file), `keras.saving` and the like are missing on purpose: their functions reach out of the file.
_PARTS = r"(layers|initializers|regularizers|constraints|activations|losses|metrics|optimizers|models|dtype_policies)"
MODULES = rf"(tf_)?keras(\.{_PARTS}(\.schedules)?|\.src\.(engine|ops|quantizers|{_PARTS})(\.\w+)*)?"
