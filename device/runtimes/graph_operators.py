"""The operators of TensorFlow that a frozen graph may hold: those that take numbers and give numbers.

Left out are all that touch files, the network, Python, other libraries, variables, queues, data sets, the random state
or the screen. The names are those of https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

_SHAPES = """
Placeholder PlaceholderWithDefault Const Identity IdentityN NoOp StopGradient PreventGradient GuaranteeConst Snapshot
Assert CheckNumerics EnsureShape Shape ShapeN Size Rank Reshape ExpandDims Squeeze Pack Unpack Concat ConcatV2
ConcatOffset Split SplitV Slice StridedSlice Gather GatherV2 GatherNd ScatterNd TensorScatterUpdate TensorScatterAdd
Tile Pad PadV2 MirrorPad Transpose ConjugateTranspose Reverse ReverseV2 ReverseSequence BroadcastTo BroadcastArgs Fill
ZerosLike OnesLike Range LinSpace OneHot Where Select SelectV2 Cast Bitcast SpaceToDepth DepthToSpace SpaceToBatch
SpaceToBatchND BatchToSpace BatchToSpaceND InvertPermutation TopK TopKV2 ArgMax ArgMin Cumsum Cumprod Roll
MatrixBandPart MatrixDiag MatrixDiagV2 MatrixDiagV3 MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 Diag DiagPart
"""
_ARITHMETIC = """
Abs Neg Sign Sqrt Rsqrt Square Exp Expm1 Log Log1p Sin Cos Tan Asin Acos Atan Atan2 Sinh Cosh Asinh Acosh Atanh Tanh
Sigmoid Erf Erfc Erfinv Lgamma Reciprocal Inv Floor Ceil Round Rint Pow Add AddV2 AddN AccumulateNV2 Sub Mul MulNoNan
Div DivNoNan RealDiv FloorDiv FloorMod Mod TruncateDiv TruncateMod Xdivy Xlogy Xlog1py Maximum Minimum
SquaredDifference Sum Mean Prod Max Min All Any EuclideanNorm Equal NotEqual Less LessEqual Greater GreaterEqual
ApproximateEqual LogicalAnd LogicalOr LogicalNot BitwiseAnd BitwiseOr BitwiseXor Invert LeftShift RightShift
IsNan IsInf IsFinite ClipByValue MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum Cross SegmentSum SegmentMean
SegmentMax SegmentMin UnsortedSegmentSum UnsortedSegmentMax Real Imag Complex ComplexAbs Angle Conj FFT IFFT FFT2D
IFFT2D RFFT IRFFT RFFT2D IRFFT2D AudioSpectrogram Mfcc
"""
_LAYERS = """
Conv Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv2DBackpropInputV2 Conv3DBackpropInput
Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput Dilation2D MaxPool MaxPoolV2 MaxPool3D AvgPool AvgPool3D
BiasAdd BiasAddV1 Relu Relu6 LeakyRelu Elu Selu Softplus Softsign Softmax LogSoftmax FusedBatchNorm FusedBatchNormV2
FusedBatchNormV3 BatchNormWithGlobalNormalization LRN L2Loss LSTMBlockCell BlockLSTM BlockLSTMV2 GRUBlockCell
ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea ScaleAndTranslate CropAndResize ExtractImagePatches
ExtractGlimpse ImageProjectiveTransformV2 ImageProjectiveTransformV3 HSVToRGB RGBToHSV AdjustContrastv2 AdjustHue
AdjustSaturation NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5
NonMaxSuppressionWithOverlaps CombinedNonMaxSuppression FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
FakeQuantWithMinMaxVarsPerChannel QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3
QuantizeAndDequantizeV4 QuantizeV2 Dequantize
"""
_FLOW = """
Switch Merge Enter Exit NextIteration LoopCond If StatelessIf While StatelessWhile Case StatelessCase PartitionedCall
StatefulPartitionedCall TensorListFromTensor TensorListReserve TensorListStack TensorListGetItem TensorListSetItem
TensorListElementShape TensorListLength EmptyTensorList TensorListPushBack TensorListPopBack TensorListConcat
TensorListConcatV2 TensorListGather TensorListSplit TensorListScatter TensorArrayV3 TensorArrayReadV3
TensorArrayWriteV3 TensorArrayGatherV3 TensorArrayScatterV3 TensorArraySizeV3 TensorArrayConcatV3 TensorArraySplitV3
"""
_STORED = """
Variable VariableV2 VarHandleOp VarIsInitializedOp ReadVariableOp AssignVariableOp Assign ResourceGather RestoreV2
SaveV2 MergeV2Checkpoints
"""

COMPUTING = frozenset(f"{_SHAPES} {_ARITHMETIC} {_LAYERS} {_FLOW}".split())

# Of a graph that is not frozen; told apart because the way out is known.
VARIABLES = frozenset(_STORED.split())
