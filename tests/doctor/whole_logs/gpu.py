"""GPU memory, PhysX and several GPUs."""

from __future__ import annotations

from .kit import COMMAND, SIM, SITE, kit, kit_start, launch, physx_error
from .lab import built, lab_start, scene
from .log import WholeLog, coloured, with_junk
from .python import MAKE_RUNNER, RUNNER, STEP, hydra, traceback
from .rsl_rl import iteration_3, learning, observation_sets

ILLEGAL = "CUDA error: an illegal memory access was encountered"
OUT_OF_MEMORY = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.66 GiB. GPU 0 has a total capacity of 7.63 GiB "
    "of which 1.12 GiB is free. Including non-PyTorch memory, this process has 6.40 GiB memory in use."
)

GPU = (
    WholeLog(
        "nccl_told_by_python_first",
        learning(2, gpus=["NVIDIA GeForce RTX 5090", "NVIDIA GeForce RTX 5090"]),
        hydra(STEP, f"RuntimeError: {ILLEGAL}")
        + f"[rank1]:[E1113 13:57:32.346752417 ProcessGroupNCCL.cpp:1896] [PG ID 0 PG GUID 0(default_pg) Rank 1] "
        f"Process group watchdog thread terminated with exception: {ILLEGAL}\n",
        "nccl-illegal-access",
    ),
    WholeLog(
        "pairs",
        learning(1, command=COMMAND),
        "".join(
            physx_error(
                20000 + 40 * i,
                "The application needs to increase PxGpuDynamicsMemoryConfig::foundLostAggregatePairsCapacity to "
                f"{33554500 + i} , otherwise, the simulation will miss interactions",
                "gpubroadphase/src/PxgAABBManager.cpp",
                1192,
            )
            for i in range(5)
        )
        + iteration_3(1),
        "physx-pairs-capacity",
    ),
    WholeLog(
        "collision_stack",
        learning(1, command=COMMAND),
        "".join(
            physx_error(
                20000 + 40 * i,
                "PxgDynamicsMemoryConfig::collisionStackSize buffer overflow detected, please increase its size to "
                f"at least {n} in the scene desc! Contacts have been dropped.",
                line=1434,
            )
            for i, n in enumerate((268435700, 301112233))
        )
        + iteration_3(1),
        "physx-collision-stack",
        form=coloured,
    ),
    WholeLog(
        "another_process_holds_the_gpu",
        COMMAND + launch() + kit_start() + lab_start() + scene(),
        kit(10436, "Error", "carb.cudainterop.plugin", "CUDA error 2: cudaErrorMemoryAllocation - out of memory)")
        + kit(10476, "Error", "omni.physx.plugin", "Failed to get primary context of requested CUDA device 0")
        + kit(10476, "Error", "omni.physx.plugin", "Unable to create PxCudaContextManager!")
        + traceback(
            [
                f"{SIM}/exts/isaacsim.core.simulation_manager/isaacsim/core/simulation_manager/impl/"
                "simulation_manager.py:183 "
                '_create_simulation_view | raise Exception("Failed to create simulation view backend")'
            ],
            "Exception: Failed to create simulation view backend",
        ),
        "gpu-0-already-full",
    ),
    WholeLog(
        "out_of_memory",
        built(16384, COMMAND) + observation_sets(),
        (
            hydra(
                [
                    *MAKE_RUNNER,
                    f"{RUNNER}:427 _construct_algorithm | alg.init_storage(",
                    f"{SITE}/rsl_rl/storage/rollout_storage.py:62 __init__ | self.observations = TensorDict(",
                ],
                OUT_OF_MEMORY,
            )
            + physx_error(41922, "PxgCudaDeviceMemoryAllocator fail to allocate memory 71303168 bytes!! Result = 2")
            + physx_error(41931, "Failed to allocate pinned memory", "gpucommon/src/PxgCudaMemoryAllocator.cpp", 167)
            + physx_error(41932, "Scene state is corrupted. Simulation cannot continue!", "physx/src/NpScene.cpp", 2994)
            + kit(
                41932,
                "Error",
                "omni.physx.plugin",
                "Cuda context manager error, simulation will be stopped and new cuda context manager will be created.",
            )
        ),
        "cuda-out-of-memory",
    ),
    WholeLog(
        "nccl",
        learning(
            2,
            command=COMMAND.replace("--headless", "--headless --distributed"),
            gpus=["NVIDIA GeForce RTX 5090", "NVIDIA GeForce RTX 5090"],
        ),
        (
            "[rank0]:[E1113 13:57:32.346752417 ProcessGroupNCCL.cpp:1896] [PG ID 0 PG GUID 0(default_pg) Rank 0] "
            "Process group watchdog thread terminated with exception: " + ILLEGAL + "\n"
            "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n\n"
            "Exception raised from c10_cuda_check_implementation at /pytorch/c10/cuda/CUDAException.cpp:43 (most "
            "recent call first):\n"
            + "".join(
                f"frame #{i}: <unknown function> + 0x{13400000 + i * 77:x} (0x7189217775e8 in {SITE}/torch/lib/"
                "libtorch_cuda.so)\n"
                for i in range(8)
            )
            + "\nterminate called after throwing an instance of 'c10::DistBackendError'\n"
            "  what():  [PG ID 0 PG GUID 0(default_pg) Rank 0] Process group watchdog thread terminated with "
            "exception: "
            + ILLEGAL
            + "\n"
            + hydra(STEP, "RuntimeError: " + ILLEGAL)
            + "W1113 13:57:35.112000 48001 torch/distributed/elastic/multiprocessing/api.py:897] Sending process "
            "48113 closing signal SIGTERM\n"
            "E1113 13:57:36.301000 48001 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: -6) "
            f"local_rank: 0 (pid: 48112) of binary: {SIM}/python.sh\n"
            + "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
        ),
        "nccl-illegal-access",
    ),
    WholeLog(
        "nccl_timeout",
        learning(2, gpus=["NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 4090"]),
        (
            "[rank1]:[E314 09:51:22.788972321 ProcessGroupNCCL.cpp:629] [Rank 1] Watchdog caught collective "
            "operation timeout: "
            "WorkNCCL(SeqNum=411, OpType=BROADCAST, NumelIn=1, NumelOut=1, Timeout(ms)=1800000) ran for 1800061 "
            "milliseconds before timing out.\n"
            "terminate called after throwing an instance of 'c10::DistBackendError'\n"
            "  what():  [PG ID 0 PG GUID 0(default_pg) Rank 1] Process group watchdog thread terminated with "
            "exception: [Rank 1] "
            "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=411, OpType=BROADCAST, NumelIn=1, "
            "NumelOut=1, "
            "Timeout(ms)=1800000) ran for 1800061 milliseconds before timing out.\nFatal Python error: Aborted\n"
        ),
        "nccl-timeout",
    ),
    WholeLog(
        "patches",
        learning(2, command=COMMAND),
        "".join(
            physx_error(
                759765 + 90 * i,
                f"Patch buffer overflow detected, please increase its size to at least {178421 + i} in the scene desc!",
            )
            for i in range(6)
        )
        + iteration_3(3),
        "physx-patch-overflow",
    ),
    WholeLog(
        "illegal_access",
        learning(1, command=COMMAND),
        (
            "".join(
                kit(
                    20715,
                    "Error",
                    "omni.physx.fabric.plugin",
                    ILLEGAL
                    + f": ../../../extensions/runtime/source/omni.physx.fabric/plugins/DirectGpuHelper.cpp: {line}",
                )
                for line in (563, 566, 569, 572)
            )
            + "".join(
                kit(
                    20716,
                    "Warning",
                    "omni.physx.plugin",
                    "PhysX warning: /builds/omniverse/physics/physx/source/gpucommon/src/"
                    "PxgCudaMemoryAllocator.cpp, FILE /builds/omniverse/physics/physx/source/gpucommon/src/"
                    "PxgCudaMemoryAllocator.cpp, LINE 167",
                )
                for _ in range(4)
            )
            + physx_error(
                20719,
                "PhysX Internal CUDA error. Simulation cannot continue! Error code 700!",
                "physx/src/NpScene.cpp",
                2994,
            )
            + hydra(STEP, "RuntimeError: " + ILLEGAL)
        ),
        "illegal-memory-access",
        form=with_junk,
    ),
    WholeLog(
        "device_assert",
        learning(1, command=COMMAND),
        (
            "/pytorch/aten/src/ATen/native/cuda/IndexKernel.cu:93: operator(): block: [0,0,0], thread: [64,0,0] "
            "Assertion "
            '`-sizes[i] <= index && index < sizes[i] && "index out of bounds"` failed.\n'
            + kit(
                13495,
                "Error",
                "omni.physx.fabric.plugin",
                "CUDA error: device-side assert triggered: ../../../extensions/runtime/"
                "source/omni.physx.fabric/plugins/DirectGpuHelper.cpp: 328",
            )
            + hydra(STEP, "RuntimeError: CUDA error: device-side assert triggered")
        ),
        "device-side-assert",
    ),
)
